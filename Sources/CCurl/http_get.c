#include "CCurl.h"
#define CURL_DISABLE_DEPRECATION
#include <curl/curl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

// A table, because nothing links to libcurl and the many libraries that it needs: only downloads want them.
#define CURL_FUNCTIONS(f) \
  f(curl_easy_cleanup) \
  f(curl_easy_init) \
  f(curl_easy_perform) \
  f(curl_easy_setopt) \
  f(curl_easy_strerror) \
  f(curl_global_init) \
  f(curl_slist_append) \
  f(curl_slist_free_all)

// curl.h makes a macro of it that checks types.
#undef curl_easy_setopt

#define CURL_POINTER(name) __typeof__(&name) name;
static struct {
  CURL_FUNCTIONS(CURL_POINTER)
} curl;
static bool found;

static void *open_library(void) {
  // Debian's flavours differ in their TLS library alone.
  static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4", "libcurl.4.dylib"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    void *library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (library) return library;
  }
  return NULL;
}

static void find_functions(void) {
  void *library = open_library();
  if (!library) return;
#define CURL_FIND(name) \
  *(void **)&curl.name = dlsym(library, #name); \
  if (!curl.name) return;
  CURL_FUNCTIONS(CURL_FIND)
  found = curl.curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

static size_t receive_header(char *bytes, size_t size, size_t count, void *request) {
  const HTTPRequest *r = request;
  return r->header(r->context, bytes, size * count) ? size * count : 0;
}

static size_t receive_body(char *bytes, size_t size, size_t count, void *request) {
  const HTTPRequest *r = request;
  return r->body(r->context, bytes, size * count) ? size * count : 0;
}

static CURLcode perform(CURL *handle, const HTTPRequest *request, char *reason) {
  struct curl_slist *headers = NULL;
  for (const char *const *header = request->headers; *header; header++) {
    struct curl_slist *longer = curl.curl_slist_append(headers, *header);
    if (longer) headers = longer;
  }
  curl.curl_easy_setopt(handle, CURLOPT_URL, request->url);
  curl.curl_easy_setopt(handle, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
  curl.curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
  curl.curl_easy_setopt(handle, CURLOPT_USERAGENT, "devicenn");
  curl.curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, receive_header);
  curl.curl_easy_setopt(handle, CURLOPT_HEADERDATA, request);
  curl.curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, receive_body);
  curl.curl_easy_setopt(handle, CURLOPT_WRITEDATA, request);
  curl.curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, 131072L);
  curl.curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, request->patience);
  curl.curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl.curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, request->patience);
  curl.curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl.curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, reason);
  CURLcode code = curl.curl_easy_perform(handle);
  curl.curl_slist_free_all(headers);
  return code;
}

HTTPOutcome http_get(const HTTPRequest *request, char reason[256]) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, find_functions);
  reason[0] = 0;
  CURL *handle = found ? curl.curl_easy_init() : NULL;
  if (!handle) return HTTPNoLibrary;
  CURLcode code = perform(handle, request, reason);
  curl.curl_easy_cleanup(handle);
  if (code != CURLE_OK && !reason[0]) strncpy(reason, curl.curl_easy_strerror(code), 255);
  reason[255] = 0;
  switch (code) {
    case CURLE_OK: return HTTPEnded;
    case CURLE_WRITE_ERROR: return HTTPStopped;
    case CURLE_OPERATION_TIMEDOUT: return HTTPStalled;
    default: return HTTPFailed;
  }
}
