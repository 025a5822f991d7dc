/// JPEG in memory ⇄ RGB bytes, by libjpeg (or libjpeg-turbo).
///
/// libjpeg reports errors by longjmp, which must not cross Swift frames, so every call of it stands in jpeg.c and what
/// Swift sees are functions that return 0 or say what was wrong.
#ifndef CJPEG_H
#define CJPEG_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { CJPEG_MESSAGE_LENGTH = 256 };

/// What a file's header says, and how it is going to be decoded.
typedef struct {
  int32_t full_width, full_height;  ///< of the file
  int32_t width, height;            ///< of the decoded picture, after scaling by scale / 8
  int32_t scale;                    ///< 1 … 8
  int32_t components;               ///< of the file: 1 grey, 3 colour, 4 CMYK or YCCK
  int32_t orientation;              ///< EXIF's 1 … 8; 1, upright, where the file names none
} cjpeg_info;

/// Reads the header. `at_least` is the least size of the decoded picture's shorter side that the caller can use: the
/// picture is decoded at the smallest cheap scale that gives it. 0 or less decodes at full size.
/// Returns 0, or -1 with a sentence in `message`.
int cjpeg_inspect(const uint8_t *bytes, size_t length, int32_t at_least, cjpeg_info *info,
                  char message[CJPEG_MESSAGE_LENGTH]);

/// Decodes into `rgb`, which has room for `info->width * info->height * 3` bytes, as `cjpeg_inspect` filled them in.
/// A truncated or corrupt file is an error, although libjpeg itself would fill the rest with grey.
int cjpeg_decode(const uint8_t *bytes, size_t length, const cjpeg_info *info, uint8_t *rgb,
                 char message[CJPEG_MESSAGE_LENGTH]);

/// Encodes RGB bytes at a quality of 1 … 100. `*bytes` is to be given back by `cjpeg_free`.
int cjpeg_encode(const uint8_t *rgb, int32_t width, int32_t height, int32_t quality, uint8_t **bytes, size_t *length,
                 char message[CJPEG_MESSAGE_LENGTH]);

void cjpeg_free(uint8_t *bytes);

#ifdef __cplusplus
}
#endif

#endif
