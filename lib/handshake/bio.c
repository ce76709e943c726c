#include <openssl/bio.h>
#include <openssl/err.h>

#include "handshake_priv.h"

/* A BIO that keeps datagram borders: one read is one record, one write is one datagram. */

static int bio_read(BIO *bio, char *out, int out_len)
{
    struct handshake *handshake = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (handshake->input_len == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t len = handshake->input_len < (size_t)out_len ? handshake->input_len : (size_t)out_len;
    memcpy(out, handshake->input, len);
    handshake->input_len = 0;
    return (int)len;
}

static int bio_write(BIO *bio, const char *bytes, int len)
{
    BIO_clear_retry_flags(bio);
    sl_handshake_take_output(BIO_get_data(bio), (const uint8_t *)bytes, (size_t)len);
    return len;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    /* No MTU to ask for, no bytes that wait, no timer of the socket's own. */
    return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT;
}

BIO_METHOD *sl_handshake_make_bio_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "sluice datagram");
    if (method != NULL && BIO_meth_set_read(method, bio_read) &&
        BIO_meth_set_write(method, bio_write) && BIO_meth_set_ctrl(method, bio_ctrl))
        return method;
    BIO_meth_free(method);
    return NULL;
}

/** Writes the record that libssl is to read; 0 when it can't be. */
static size_t write_record(struct handshake *handshake, uint8_t type, uint8_t epoch,
                           const uint8_t *plain, size_t len)
{
    struct sl_handshaker *handshaker = handshake->owner;
    if (len > SL_RECORD_PLAINTEXT_MAX)
        return 0;
    if (epoch == 0) {
        sl_wire_write_record_header(handshaker->record, type, 0, handshake->input_seq++,
                                    (uint16_t)len);
        memcpy(handshaker->record + SL_RECORD_HEADER_LEN, plain, len);
        return SL_RECORD_HEADER_LEN + len;
    }
    struct sl_seal_job job = {.epoch = &handshake->keys->inner,
                              .plain = plain,
                              .plain_len = (uint32_t)len,
                              .type = type,
                              .record = handshaker->record};
    return sl_record_seal_burst(handshaker->aead, &job, 1) == 1 ? job.record_len : 0;
}

int sl_handshake_feed(struct handshake *handshake, uint8_t type, uint8_t epoch,
                      const uint8_t *plain, size_t len)
{
    handshake->input_len = write_record(handshake, type, epoch, plain, len);
    if (handshake->input_len == 0)
        return SSL_ERROR_SYSCALL;
    size_t record_len = handshake->input_len;
    handshake->input = handshake->owner->record;
    ERR_clear_error();
    int result = SSL_do_handshake(handshake->ssl);
    handshake->input_len = 0;
    if (epoch != 0)
        OPENSSL_cleanse(handshake->owner->record, record_len);
    return SSL_get_error(handshake->ssl, result);
}

int sl_handshake_feed_message(struct handshake *handshake, uint8_t epoch,
                              const struct assembly *message)
{
    return sl_handshake_feed(handshake, SL_CONTENT_HANDSHAKE, epoch, message->message,
                             SL_HANDSHAKE_HEADER_LEN + message->len);
}
