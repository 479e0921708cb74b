/* Stands in for Android's libdl.so while linking; see libc.c. */
#define HAS(name) \
    void name(void); \
    void name(void) {}

HAS(dlopen) HAS(dlsym) HAS(dlerror)
