/* The entry of an Android program that is linked without the NDK: what crtbegin does there. Bionic's
 * loader jumps to _start with the arguments on the stack; __libc_init never returns.
 *
 * The sources are compiled with musl's headers, whose records and constants are the kernel's and so
 * bionic's, for those functions that libc.c and libdl.c list; errno alone goes by another name. */
#include <stddef.h>

int main(int argc, char **argv, char **environment);
void __libc_init(void *arguments, void (*at_exit)(void), int (*entry)(int, char **, char **),
                 const void *structors);
int *__errno(void);
int *__errno_location(void);
void begin(void *arguments);

int *__errno_location(void) {
    return __errno();
}

/* No constructors or destructors: three arrays with nothing between the marks that older versions
 * expect, and counts of 0, which newer versions read instead. */
static void *const NOTHING[] = {(void *)-1, NULL};
static const struct {
    void *const *arrays[3];
    size_t counts[5];
} STRUCTORS = {{NOTHING, NOTHING, NOTHING}, {0}};

__attribute__((used)) void begin(void *arguments) {
    __libc_init(arguments, NULL, main, &STRUCTORS);
}

#if defined(__aarch64__)
__asm__(".globl _start\n.type _start, %function\n_start:\n  mov x0, sp\n  b begin\n");
#elif defined(__x86_64__)
__asm__(".globl _start\n.type _start, @function\n_start:\n  xor %ebp, %ebp\n  mov %rsp, %rdi\n"
        "  and $-16, %rsp\n  call begin\n");
#else
#error "only Arm64 and x86-64"
#endif
