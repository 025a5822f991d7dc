#include "CPretrained.h"

#pragma clang diagnostic ignored "-Wc23-extensions" // #embed

static const unsigned char bytes[] = {
#embed "mobilenet_v2_035_cifar10.safetensors"
};

const unsigned char *mobilenet_v2_035_cifar10(size_t *size) {
  *size = sizeof bytes;
  return bytes;
}
