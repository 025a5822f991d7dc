#pragma once
#include <stddef.h>

/// MobileNetV2 at 0.35 of its width, trained by devicenn on CIFAR-10 at 64 pixels: a safetensors file of `*size` bytes.
/// docs/pretrained.md says how it was made.
const unsigned char *mobilenet_v2_035_cifar10(size_t *size);
