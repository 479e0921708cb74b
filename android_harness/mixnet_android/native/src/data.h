/* Inputs and outputs as bytes: seeded, read from files, written to files. */
#ifndef MIXNET_DATA_H
#define MIXNET_DATA_H

#include "base.h"

/* One number of SplitMix64. */
uint64_t splitmix64(uint64_t *state);

/* Bytes of an element of a type by numpy's name; 0 where the type is unknown here. */
size_t element_bytes(const char *dtype);

/* Fill data with seeded elements; the README states the rule. The bytes are whole elements. */
void seeded(uint64_t seed, int input, const char *dtype, void *data, size_t bytes);

/* Open a regular file with open's flags, -1 with an error for anything else: a FIFO would wait for
 * its other end. */
int open_regular(const char *path, int flags, struct error *error);

/* Read a file of exactly so many bytes. */
bool read_exactly(const char *path, void *data, size_t bytes, struct error *error);
bool write_file(const char *path, const void *data, size_t bytes, struct error *error);

#endif
