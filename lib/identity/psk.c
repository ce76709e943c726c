#include <stdlib.h>

#include <openssl/crypto.h>

#include "identity_priv.h"

/** Replaces hex digits by the bytes they stand for. return how many bytes, 0 for no key. */
static size_t decode_in_place(char *text)
{
    size_t len = 0;
    const char *at = text;
    for (int byte; (byte = sl_hex_byte(at)) >= 0; at += 2)
        text[len++] = (char)byte;
    return *at == 0 && len <= SL_PSK_KEY_MAX ? len : 0;
}

/** line, NUL-terminated, is taken apart where it stands. Its content is secret. */
static bool read_line(struct sl_psk *out, char *line, const char *path, unsigned number,
                      char *reason)
{
    char *colon = strrchr(line, ':');
    if (colon == NULL || colon == line)
        return sl_identity_refuse(
            reason, "PSK file %s, line %u: an identity, a colon and a key in hex are needed", path,
            number);
    *colon = 0;
    if (colon - line > SL_PSK_IDENTITY_MAX)
        return sl_identity_refuse(reason,
                                  "PSK file %s, line %u: the identity is longer than %d bytes",
                                  path, number, SL_PSK_IDENTITY_MAX);
    *out = (struct sl_psk){.identity = line, .key = (const uint8_t *)colon + 1};
    out->key_len = decode_in_place(colon + 1);
    if (out->key_len > 0)
        return true;
    return sl_identity_refuse(reason,
                              "PSK file %s, line %u: the key is not one of 1 to %d bytes in hex",
                              path, number, SL_PSK_KEY_MAX);
}

static bool add(struct sl_psk_list *list, const struct sl_psk *psk, char *reason)
{
    if ((list->count & (list->count - 1)) == 0) { /* full: as long as a power of two */
        size_t room = list->count > 0 ? 2UL * list->count : 1;
        struct sl_psk *grown = realloc(list->psks, room * sizeof *grown);
        if (grown == NULL)
            return sl_identity_refuse(reason, "out of memory");
        list->psks = grown;
    }
    list->psks[list->count++] = *psk;
    return true;
}

static bool read_lines(struct sl_psk_list *list, char *reason)
{
    const char *path = list->file.path;
    char *next = list->file.bytes;
    if (strlen(next) != list->file.len)
        return sl_identity_refuse(reason, "PSK file %s is no text file", path);
    for (unsigned number = 1; next != NULL; number++) {
        char *line = next;
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = 0;
        line[strcspn(line, "\r")] = 0;
        struct sl_psk psk;
        if (line[0] == 0 || line[0] == '#')
            continue;
        if (!read_line(&psk, line, path, number, reason) || !add(list, &psk, reason))
            return false;
    }
    return list->count > 0 || sl_identity_refuse(reason, "PSK file %s holds no key", path);
}

bool sl_psk_load(struct sl_psk_list *out, const char *path, char *reason)
{
    *out = (struct sl_psk_list){0};
    return sl_pem_open(&out->file, path, "PSK file", reason) && read_lines(out, reason);
}

void sl_psk_wipe(struct sl_psk_list *list)
{
    sl_pem_close(&list->file);
    free(list->psks);
    *list = (struct sl_psk_list){0};
}
