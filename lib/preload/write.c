#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include "preload_priv.h"

const char *const preload_suites[SL_AEAD_ALG_COUNT] = {
    [SL_AEAD_AES_128_GCM] = "aes-128-gcm",
    [SL_AEAD_AES_256_GCM] = "aes-256-gcm",
    [SL_AEAD_CHACHA20_POLY1305] = "chacha20-poly1305",
    [SL_AEAD_AES_128_CCM] = "aes-128-ccm",
    [SL_AEAD_AES_256_CCM] = "aes-256-ccm",
    [SL_AEAD_AES_128_CCM_8] = "aes-128-ccm-8",
    [SL_AEAD_AES_256_CCM_8] = "aes-256-ccm-8",
};

FILE *sl_preload_create(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return NULL;
    FILE *file = fchmod(fd, 0600) == 0 ? fdopen(fd, "w") : NULL;
    if (file == NULL) {
        int error = errno;
        close(fd);
        errno = error;
        return NULL;
    }
    fputs(PRELOAD_HEADER "\n", file); /* its failure shows in what comes after, or at the end */
    return file;
}

static void put_text(struct sl_writer *to, const char *text)
{
    sl_write_bytes(to, text, strlen(text));
}

static void put_hex(struct sl_writer *to, const uint8_t *bytes, unsigned len)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t *room = sl_write_room(to, 2 * (size_t)len);
    for (unsigned i = 0; room != NULL && i < len; i++) {
        room[2 * i] = (uint8_t)digits[bytes[i] >> 4];
        room[2 * i + 1] = (uint8_t)digits[bytes[i] & 15];
    }
}

static void put_cid(struct sl_writer *to, const uint8_t *cid, unsigned len)
{
    if (len == 0)
        put_text(to, "-");
    else
        put_hex(to, cid, len);
}

static void put_address(struct sl_writer *to, const struct sl_ip *ip, uint16_t port)
{
    char host[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 16];
    if (sl_ip_is_v4(ip)) {
        inet_ntop(AF_INET, ip->bytes + 12, host, sizeof host);
        snprintf(text, sizeof text, "%s:%u", host, port);
    } else {
        inet_ntop(AF_INET6, ip->bytes, host, sizeof host);
        snprintf(text, sizeof text, "[%s]:%u", host, port);
    }
    put_text(to, text);
}

int sl_preload_write_session(FILE *to, const struct sl_preload_session *session)
{
    char line[SL_PRELOAD_LINE_MAX];
    struct sl_writer writer = sl_writer_of(line, sizeof line);
    put_text(&writer, "cid=");
    put_cid(&writer, session->cid, session->cid_len);
    put_text(&writer, " peer_cid=");
    put_cid(&writer, session->peer_cid, session->peer_cid_len);
    put_text(&writer, " suite=");
    put_text(&writer, preload_suites[session->alg]);
    put_text(&writer, " client_key=");
    put_hex(&writer, session->client_key, sl_aead_key_len(session->alg));
    put_text(&writer, " client_iv=");
    put_hex(&writer, session->client_iv, sl_aead_iv_len(session->alg));
    put_text(&writer, " client=");
    put_address(&writer, &session->tuple.remote_ip, session->tuple.remote_port);
    put_text(&writer, " server=");
    put_address(&writer, &session->tuple.local_ip, session->tuple.local_port);
    put_text(&writer, "\n");
    size_t len = sizeof line - sl_writer_left(&writer);
    bool is_written = !writer.failed && fwrite(line, len, 1, to) == 1;
    OPENSSL_cleanse(line, sizeof line);
    return is_written ? 0 : -EIO;
}
