#include <zlib.h>

// zlib's initializers are macros, which Swift does not see.

/// Begins a stream in the gzip format (RFC 1952) with a window of 32 KiB.
static inline int czlib_gzip_begin(z_stream *stream, int level) {
    const int gzip_window_bits = 15 + 16;
    const int memory_level = 8;
    return deflateInit2(stream, level, Z_DEFLATED, gzip_window_bits, memory_level, Z_DEFAULT_STRATEGY);
}

/// Begins a stream without a header (RFC 1951), compressing with a window of that logarithm, 9 to 15.
static inline int czlib_raw_deflate_begin(z_stream *stream, int level, int window_bits) {
    const int memory_level = 8;
    return deflateInit2(stream, level, Z_DEFLATED, -window_bits, memory_level, Z_DEFAULT_STRATEGY);
}

/// Begins to read a stream without a header, whatever window it was compressed with.
static inline int czlib_raw_inflate_begin(z_stream *stream) {
    const int window_bits = 15;
    return inflateInit2(stream, -window_bits);
}
