/* Stands in for Android's libc.so while linking: the names that the runner uses, all of them there
 * since Android 7 (API 24). Nothing here is ever run or shipped. */
#define HAS(name) \
    void name(void); \
    void name(void) {}

HAS(__errno) HAS(__libc_init)
HAS(calloc) HAS(realloc) HAS(free)
HAS(memcpy) HAS(memset) HAS(memcmp) HAS(memmove)
HAS(strlen) HAS(strcmp) HAS(strncmp) HAS(strchr) HAS(strrchr) HAS(strstr) HAS(strpbrk)
HAS(strspn) HAS(strcspn) HAS(strerror) HAS(strtol) HAS(strtoll) HAS(strtod)
HAS(snprintf) HAS(vsnprintf) HAS(sscanf) HAS(qsort)
HAS(open) HAS(close) HAS(read) HAS(write) HAS(pread) HAS(fcntl) HAS(dup2) HAS(fsync)
HAS(access) HAS(stat) HAS(fstat) HAS(unlink) HAS(rename) HAS(opendir) HAS(readdir) HAS(closedir)
HAS(getpid) HAS(uname) HAS(getauxval) HAS(getrusage) HAS(clock_gettime) HAS(signal) HAS(syscall)
HAS(sched_getcpu) HAS(setitimer) HAS(pause) HAS(_exit)
