// libjpeg behind plain functions: setjmp stays in this file, warnings of damage become errors, every kind of JPEG
// becomes RGB.
#include "CJPEG.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

// libjpeg sees `base` and hands it back; what follows is ours.
typedef struct {
  struct jpeg_error_mgr base;
  jmp_buf escape;
  char *message;
} error_manager;

static void fail(j_common_ptr common) {
  error_manager *errors = (error_manager *)common->err;
  char text[JMSG_LENGTH_MAX];
  errors->base.format_message(common, text);
  snprintf(errors->message, CJPEG_MESSAGE_LENGTH, "%s", text);
  longjmp(errors->escape, 1);
}

// A level below 0 is a warning: libjpeg goes on and invents the pixels it lacks. These few cost no pixel.
static int is_harmless(int code) {
  return code == JWRN_EXTRANEOUS_DATA || code == JWRN_ADOBE_XFORM || code == JWRN_JFIF_MAJOR ||
         code == JWRN_TOO_MUCH_DATA;
}

static void note(j_common_ptr common, int level) {
  if (level < 0 && !is_harmless(common->err->msg_code)) fail(common);
}

static void install(error_manager *errors, struct jpeg_error_mgr **slot, char *message) {
  *slot = jpeg_std_error(&errors->base);
  errors->base.error_exit = fail;
  errors->base.emit_message = note;
  errors->message = message;
  message[0] = 0;
}

// MARK: EXIF

static uint32_t read16(const uint8_t *p, int is_little) { return is_little ? p[0] | p[1] << 8 : p[0] << 8 | p[1]; }
static uint32_t read32(const uint8_t *p, int is_little) {
  return is_little ? read16(p, 1) | read16(p + 2, 1) << 16 : read16(p, 0) << 16 | read16(p + 2, 0);
}

// Finds tag 0x0112 in the first directory of an APP1 segment: "Exif\0\0", a TIFF header of 8 bytes, then entries of
// (tag, type, count, value), 12 bytes each. Anything that does not fit means "upright".
static int32_t exif_orientation(const uint8_t *segment, size_t length) {
  if (length < 6 + 8 || memcmp(segment, "Exif\0\0", 6) != 0) return 1;
  const uint8_t *tiff = segment + 6;
  size_t size = length - 6;
  int is_little;
  if (memcmp(tiff, "II*\0", 4) == 0) is_little = 1;
  else if (memcmp(tiff, "MM\0*", 4) == 0) is_little = 0;
  else return 1;
  size_t directory = read32(tiff + 4, is_little);
  if (directory > size || size - directory < 2) return 1;
  size_t entries = read16(tiff + directory, is_little);
  for (size_t i = 0; i < entries; i++) {
    size_t at = directory + 2 + 12 * i;
    if (at + 12 > size) return 1;
    if (read16(tiff + at, is_little) != 0x0112) continue;
    uint32_t value = read16(tiff + at + 8, is_little);
    return value >= 1 && value <= 8 ? (int32_t)value : 1;
  }
  return 1;
}

static int32_t orientation_of(j_decompress_ptr decoder) {
  for (jpeg_saved_marker_ptr marker = decoder->marker_list; marker; marker = marker->next) {
    if (marker->marker != JPEG_APP0 + 1) continue;
    int32_t orientation = exif_orientation(marker->data, marker->data_length);
    if (orientation != 1) return orientation;
  }
  return 1;
}

// MARK: Decoding

// Only 1, 2, 4 and 8 eighths have vector code in libjpeg-turbo; those between are slower than the next of these.
static int32_t smallest_scale(int32_t shorter_side, int32_t at_least) {
  if (at_least <= 0) return 8;
  for (int32_t scale = 1; scale < 8; scale *= 2)
    if (((int64_t)shorter_side * scale + 7) / 8 >= at_least) return scale;
  return 8;
}

int cjpeg_inspect(const uint8_t *bytes, size_t length, int32_t at_least, cjpeg_info *info, char *message) {
  struct jpeg_decompress_struct decoder;
  error_manager errors;
  install(&errors, &decoder.err, message);
  if (setjmp(errors.escape)) {
    jpeg_destroy_decompress(&decoder);
    return -1;
  }
  jpeg_create_decompress(&decoder);
  jpeg_mem_src(&decoder, (unsigned char *)bytes, length);
  jpeg_save_markers(&decoder, JPEG_APP0 + 1, 0xFFFF);
  jpeg_read_header(&decoder, TRUE);

  info->full_width = decoder.image_width;
  info->full_height = decoder.image_height;
  info->components = decoder.num_components;
  info->orientation = orientation_of(&decoder);
  int32_t shorter = info->full_width < info->full_height ? info->full_width : info->full_height;
  info->scale = smallest_scale(shorter, at_least);
  decoder.scale_num = info->scale;
  decoder.scale_denom = 8;
  jpeg_calc_output_dimensions(&decoder);
  info->width = decoder.output_width;
  info->height = decoder.output_height;
  jpeg_destroy_decompress(&decoder);
  return 0;
}

// In place would need 4 bytes a pixel of the caller's 3, so a row of CMYK is read aside. Adobe's files, which are nearly
// all there are, hold the values inverted: 255 means no ink.
static void convert_cmyk(const uint8_t *cmyk, uint8_t *rgb, size_t width, int is_inverted) {
  for (size_t x = 0; x < width; x++, cmyk += 4, rgb += 3) {
    unsigned flip = is_inverted ? 0 : 255;
    unsigned paper = cmyk[3] ^ flip;
    for (int c = 0; c < 3; c++) rgb[c] = (uint8_t)(((cmyk[c] ^ flip) * paper + 127) / 255);
  }
}

int cjpeg_decode(const uint8_t *bytes, size_t length, const cjpeg_info *info, uint8_t *rgb, char *message) {
  struct jpeg_decompress_struct decoder;
  error_manager errors;
  install(&errors, &decoder.err, message);
  if (setjmp(errors.escape)) {
    jpeg_destroy_decompress(&decoder);
    return -1;
  }
  jpeg_create_decompress(&decoder);
  jpeg_mem_src(&decoder, (unsigned char *)bytes, length);
  jpeg_read_header(&decoder, TRUE);
  int is_cmyk = decoder.num_components == 4;
  decoder.out_color_space = is_cmyk ? JCS_CMYK : JCS_RGB;
  decoder.scale_num = info->scale;
  decoder.scale_denom = 8;
  jpeg_start_decompress(&decoder);
  if ((int32_t)decoder.output_width != info->width || (int32_t)decoder.output_height != info->height) {
    snprintf(message, CJPEG_MESSAGE_LENGTH, "The file changed from %dx%d to %ux%u between inspecting and decoding",
             info->width, info->height, decoder.output_width, decoder.output_height);
    jpeg_destroy_decompress(&decoder);
    return -1;
  }

  size_t row_length = (size_t)info->width * 3;
  JSAMPARRAY aside = NULL;  // of the decoder's pool: freed with it, also after an error
  if (is_cmyk) aside = decoder.mem->alloc_sarray((j_common_ptr)&decoder, JPOOL_IMAGE, (JDIMENSION)info->width * 4, 1);
  while (decoder.output_scanline < decoder.output_height) {
    uint8_t *row = rgb + row_length * decoder.output_scanline;
    if (is_cmyk) {
      jpeg_read_scanlines(&decoder, aside, 1);
      convert_cmyk(aside[0], row, (size_t)info->width, decoder.saw_Adobe_marker);
    } else {
      JSAMPROW rows[1] = {row};
      jpeg_read_scanlines(&decoder, rows, 1);
    }
  }
  jpeg_finish_decompress(&decoder);
  jpeg_destroy_decompress(&decoder);
  return 0;
}

// MARK: Encoding

int cjpeg_encode(const uint8_t *rgb, int32_t width, int32_t height, int32_t quality, uint8_t **bytes, size_t *length,
                 char *message) {
  struct jpeg_compress_struct encoder;
  error_manager errors;
  unsigned char *result = NULL;
  unsigned long result_length = 0;
  install(&errors, &encoder.err, message);
  if (setjmp(errors.escape)) {
    // `result` may be stale by now (libjpeg replaces its buffer as it grows and tells us only at the end), so it is left.
    jpeg_destroy_compress(&encoder);
    return -1;
  }
  jpeg_create_compress(&encoder);
  jpeg_mem_dest(&encoder, &result, &result_length);
  encoder.image_width = (JDIMENSION)width;
  encoder.image_height = (JDIMENSION)height;
  encoder.input_components = 3;
  encoder.in_color_space = JCS_RGB;
  jpeg_set_defaults(&encoder);
  jpeg_set_quality(&encoder, quality, TRUE);
  jpeg_start_compress(&encoder, TRUE);
  size_t row_length = (size_t)width * 3;
  while (encoder.next_scanline < encoder.image_height) {
    JSAMPROW rows[1] = {(JSAMPROW)(rgb + row_length * encoder.next_scanline)};
    jpeg_write_scanlines(&encoder, rows, 1);
  }
  jpeg_finish_compress(&encoder);
  jpeg_destroy_compress(&encoder);
  *bytes = result;
  *length = result_length;
  return 0;
}

void cjpeg_free(uint8_t *bytes) { free(bytes); }
