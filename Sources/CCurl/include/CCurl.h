// One HTTP request by libcurl, which is looked up at run time.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// Takes a piece of what arrives; false ends the transfer.
typedef bool (*HTTPReceiver)(void *context, const char *bytes, size_t count);

typedef enum {
  HTTPEnded,
  // No libcurl is installed here.
  HTTPNoLibrary,
  // A receiver ended it.
  HTTPStopped,
  // Not one byte came for as long as `patience`.
  HTTPStalled,
  // It can't be begun, or broke off.
  HTTPFailed,
} HTTPOutcome;

typedef struct {
  const char *url;  // http or https
  const char *const *headers;  // "Name: value", ends with a null
  long patience;  // seconds
  HTTPReceiver header;  // gets each line of the response's head, with its end
  HTTPReceiver body;  // gets at most 128 KiB at once
  void *context;
} HTTPRequest;

// Gets `url` on the calling thread. Redirects are not followed, nothing is decompressed. `reason` gets libcurl's words
// on what failed.
HTTPOutcome http_get(const HTTPRequest *request, char reason[256]);
