#include <arpa/inet.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdlib.h>

#include "preload_priv.h"

struct sl_preload_reader {
    FILE *file;
    char *path;
    unsigned line;
    int error;                      /* what went wrong before, for good */
    char text[SL_PRELOAD_LINE_MAX]; /* the line, without its end */
    char buffer[64 << 10];          /* the file's; ours to wipe */
};

/** A line on its way to be a session: the lengths depend on the suite, which may come last. */
struct parsed {
    struct sl_preload_session session;
    unsigned key_len, iv_len;
};

/** return -EINVAL; where the values are secret the reason names the field, and nothing of it. */
static int fail(struct sl_preload_reader *reader, char *error, size_t error_len, const char *format,
                ...) __attribute__((format(printf, 4, 5)));

static int fail(struct sl_preload_reader *reader, char *error, size_t error_len, const char *format,
                ...)
{
    va_list args;
    int len = snprintf(error, error_len, "%s:%u: ", reader->path, reader->line);
    va_start(args, format);
    if (len > 0 && (size_t)len < error_len)
        vsnprintf(error + len, error_len - (size_t)len, format, args);
    va_end(args);
    reader->error = -EINVAL;
    return reader->error;
}

/** return 1 and the next line, its end taken off; 0 at the end of the file; negative. */
static int next_line(struct sl_preload_reader *reader, char *error, size_t error_len)
{
    reader->line++;
    if (fgets(reader->text, sizeof reader->text, reader->file) == NULL) {
        if (!ferror(reader->file)) {
            reader->line--;
            return 0;
        }
        fail(reader, error, error_len, "it can't be read: %s", strerror(errno));
        return reader->error = -EIO;
    }
    size_t len = strlen(reader->text);
    if (len == 0 || reader->text[len - 1] != '\n')
        return fail(reader, error, error_len,
                    "the line is cut short, or too long, or no text: the file is damaged");
    reader->text[len - 1] = '\0';
    return 1;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/** Bytes as pairs of lower-case digits to out [max]. return how many, or -1. */
static int parse_hex(const char *text, uint8_t *out, unsigned max)
{
    unsigned len = 0;
    for (; *text != '\0'; text += 2, len++) {
        int high = digit_of(text[0]), low = high < 0 ? -1 : digit_of(text[1]);
        if (low < 0 || len == max)
            return -1;
        out[len] = (uint8_t)(high << 4 | low);
    }
    return (int)len;
}

static bool parse_cid_of(const char *text, uint8_t *cid, uint8_t *cid_len)
{
    if (strcmp(text, "-") == 0)
        return true; /* as it is to begin with */
    int len = parse_hex(text, cid, SL_PEER_CID_MAX);
    if (len <= 0)
        return false;
    *cid_len = (uint8_t)len;
    return true;
}

static bool parse_cid(char *text, struct parsed *out)
{
    return parse_cid_of(text, out->session.cid, &out->session.cid_len);
}

static bool parse_peer_cid(char *text, struct parsed *out)
{
    return parse_cid_of(text, out->session.peer_cid, &out->session.peer_cid_len);
}

static bool parse_suite(char *text, struct parsed *out)
{
    for (unsigned alg = 0; alg < SL_AEAD_ALG_COUNT; alg++)
        if (strcmp(text, preload_suites[alg]) == 0) {
            out->session.alg = (enum sl_aead_alg)alg;
            return true;
        }
    return false;
}

static bool parse_key(char *text, struct parsed *out)
{
    int len = parse_hex(text, out->session.client_key, sizeof out->session.client_key);
    out->key_len = len > 0 ? (unsigned)len : 0;
    return len > 0;
}

static bool parse_iv(char *text, struct parsed *out)
{
    int len = parse_hex(text, out->session.client_iv, sizeof out->session.client_iv);
    out->iv_len = len > 0 ? (unsigned)len : 0;
    return len > 0;
}

static bool parse_port(const char *text, uint16_t *port)
{
    unsigned value = 0, digits = 0;
    for (; *text >= '0' && *text <= '9' && digits < 5; text++, digits++)
        value = 10 * value + (unsigned)(*text - '0');
    if (*text != '\0' || value == 0 || value > UINT16_MAX)
        return false;
    *port = (uint16_t)value;
    return true;
}

/** a.b.c.d:port or [v6]:port; the text is taken apart in place. */
static bool parse_address(char *text, struct sl_ip *ip, uint16_t *port)
{
    char *colon = strrchr(text, ':');
    if (colon == NULL || !parse_port(colon + 1, port))
        return false;
    *colon = '\0';
    if (text[0] == '[' && colon[-1] == ']') {
        colon[-1] = '\0';
        return inet_pton(AF_INET6, text + 1, ip->bytes) == 1 && !sl_ip_is_v4(ip);
    }
    uint8_t v4[4];
    if (inet_pton(AF_INET, text, v4) != 1)
        return false;
    *ip = sl_ip_from_v4(v4);
    return true;
}

static bool parse_client(char *text, struct parsed *out)
{
    struct sl_tuple *tuple = &out->session.tuple;
    return parse_address(text, &tuple->remote_ip, &tuple->remote_port);
}

static bool parse_server(char *text, struct parsed *out)
{
    struct sl_tuple *tuple = &out->session.tuple;
    return parse_address(text, &tuple->local_ip, &tuple->local_port);
}

static const struct field {
    const char *name, *value; /* what it has to be */
    bool (*parse)(char *text, struct parsed *out);
} fields[] = {
    {"cid", "1 to 32 bytes in hexadecimal, or -", parse_cid},
    {"peer_cid", "1 to 32 bytes in hexadecimal, or -", parse_peer_cid},
    {"suite",
     "one of aes-128-gcm, aes-256-gcm, chacha20-poly1305, "
     "aes-128-ccm, aes-256-ccm, aes-128-ccm-8 and aes-256-ccm-8",
     parse_suite},
    {"client_key", "a key in hexadecimal", parse_key},
    {"client_iv", "an IV in hexadecimal", parse_iv},
    {"client", "ADDRESS:PORT or [ADDRESS]:PORT", parse_client},
    {"server", "ADDRESS:PORT or [ADDRESS]:PORT", parse_server},
};
#define FIELD_COUNT (sizeof fields / sizeof fields[0])

/** The index of a field by its name, which ends at the equals sign; FIELD_COUNT: there is none. */
static unsigned field_of(const char *text, size_t name_len)
{
    unsigned f = 0;
    while (f < FIELD_COUNT &&
           (strlen(fields[f].name) != name_len || memcmp(fields[f].name, text, name_len) != 0))
        f++;
    return f;
}

/** Takes the line apart. return 0 or -EINVAL. */
static int parse_fields(struct sl_preload_reader *reader, struct parsed *out, char *error,
                        size_t error_len)
{
    unsigned seen = 0, position = 0;
    for (char *at = reader->text, *next; at != NULL; at = next) {
        next = strchr(at, ' ');
        if (next != NULL)
            *next++ = '\0';
        position++;
        size_t name_len = strcspn(at, "=");
        unsigned f = at[name_len] == '=' ? field_of(at, name_len) : FIELD_COUNT;
        if (f == FIELD_COUNT)
            return fail(reader, error, error_len, "field %u has no name that is known", position);
        if (seen & 1U << f)
            return fail(reader, error, error_len, "'%s' is there twice", fields[f].name);
        seen |= 1U << f;
        if (!fields[f].parse(at + name_len + 1, out))
            return fail(reader, error, error_len, "'%s' has to be %s", fields[f].name,
                        fields[f].value);
    }
    for (unsigned f = 0; f < FIELD_COUNT; f++)
        if (!(seen & 1U << f))
            return fail(reader, error, error_len, "'%s' is missing", fields[f].name);
    return 0;
}

/** What one field says about another. return 0 or -EINVAL. */
static int check(struct sl_preload_reader *reader, const struct parsed *parsed, char *error,
                 size_t error_len)
{
    const struct sl_preload_session *session = &parsed->session;
    const char *suite = preload_suites[session->alg];
    if (parsed->key_len != sl_aead_key_len(session->alg))
        return fail(reader, error, error_len, "'client_key' has %u bytes; %s takes %u",
                    parsed->key_len, suite, sl_aead_key_len(session->alg));
    if (parsed->iv_len != sl_aead_iv_len(session->alg))
        return fail(reader, error, error_len, "'client_iv' has %u bytes; %s takes %u",
                    parsed->iv_len, suite, sl_aead_iv_len(session->alg));
    if (sl_ip_is_v4(&session->tuple.remote_ip) != sl_ip_is_v4(&session->tuple.local_ip))
        return fail(reader, error, error_len, "'client' and 'server' are of different families");
    return 0;
}

int sl_preload_read(struct sl_preload_reader *reader, struct sl_preload_session *out, char *error,
                    size_t error_len)
{
    if (reader->error != 0)
        return reader->error;
    int result = next_line(reader, error, error_len);
    if (result <= 0)
        return result;
    struct parsed parsed = {.key_len = 0};
    result = parse_fields(reader, &parsed, error, error_len);
    if (result == 0)
        result = check(reader, &parsed, error, error_len);
    if (result == 0)
        *out = parsed.session;
    OPENSSL_cleanse(&parsed, sizeof parsed);
    return result == 0 ? 1 : result;
}

struct sl_preload_reader *sl_preload_open(const char *path, char *error, size_t error_len)
{
    struct sl_preload_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL || (reader->path = strdup(path)) == NULL) {
        snprintf(error, error_len, "%s:1: out of memory", path);
        free(reader);
        return NULL;
    }
    reader->file = fopen(path, "re");
    if (reader->file == NULL) {
        snprintf(error, error_len, "%s:1: it can't be opened: %s", path, strerror(errno));
        sl_preload_close(reader);
        return NULL;
    }
    setvbuf(reader->file, reader->buffer, _IOFBF, sizeof reader->buffer);
    int result = next_line(reader, error, error_len);
    if (result == 0 || (result == 1 && strcmp(reader->text, PRELOAD_HEADER) != 0)) {
        reader->line = 1;
        result = fail(reader, error, error_len,
                      "the first line is not \"" PRELOAD_HEADER "\": no file of sessions");
    }
    if (result == 1)
        return reader;
    sl_preload_close(reader);
    return NULL;
}

unsigned sl_preload_line(const struct sl_preload_reader *reader)
{
    return reader->line;
}

void sl_preload_close(struct sl_preload_reader *reader)
{
    if (reader->file != NULL)
        fclose(reader->file);
    free(reader->path);
    OPENSSL_cleanse(reader, sizeof *reader);
    free(reader);
}
