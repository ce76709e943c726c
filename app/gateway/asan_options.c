/*
 * asan_options.c: how AddressSanitizer, where the gateway is built with it, lives with what the
 * gateway forbids itself (lib/hardening): its leak checker would be a second process that traces
 * this one, its symbolizer a program of its own, and its signal stacks a system call at the end of
 * each thread.
 */
const char *__asan_default_options(void);

/** What ASAN_OPTIONS does not say otherwise. Called before main(). */
__attribute__((visibility("default"))) const char *__asan_default_options(void)
{
    return "color=never:detect_leaks=0:symbolize=0:use_sigaltstack=0";
}
