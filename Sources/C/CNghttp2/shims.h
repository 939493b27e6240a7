// nghttp2, the HTTP/2 framing layer.
#ifndef CULVERT_CNGHTTP2_H
#define CULVERT_CNGHTTP2_H
#include <nghttp2/nghttp2.h>
#endif
