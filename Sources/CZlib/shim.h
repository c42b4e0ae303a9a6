#include <zlib.h>

// zlib's initializers are macros, which Swift does not see.

/// Begins a stream in the gzip format (RFC 1952) with a window of 32 KiB.
static inline int czlib_gzip_begin(z_stream *stream, int level) {
    const int gzip_window_bits = 15 + 16;
    const int memory_level = 8;
    return deflateInit2(stream, level, Z_DEFLATED, gzip_window_bits, memory_level, Z_DEFAULT_STRATEGY);
}
