/** Certificates for handshake_bench: P-256, PEM, in a folder of its own until they are loaded. */
#ifndef BENCH_HANDSHAKE_FILES_H
#define BENCH_HANDSHAKE_FILES_H

#define HANDSHAKE_PATH_MAX 64

struct handshake_files {
    char folder[HANDSHAKE_PATH_MAX];
    char authority[HANDSHAKE_PATH_MAX];                                    /* its certificate */
    char certificates[2][HANDSHAKE_PATH_MAX], keys[2][HANDSHAKE_PATH_MAX]; /* signed by it */
};
enum { HANDSHAKE_SERVER, HANDSHAKE_CLIENT };

/** Makes them; ends the program with a sentence when that fails. */
void handshake_files_make(struct handshake_files *files);
void handshake_files_remove(const struct handshake_files *files);

#endif
