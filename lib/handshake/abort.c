#include <stdio.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "handshake_priv.h"

static enum sl_abort_cause cause_of(const struct handshake *handshake,
                                    enum sl_handshake_counter outcome)
{
    if (handshake->was_alerted && outcome != SL_HANDSHAKE_REFUSED_PEER &&
        outcome != SL_HANDSHAKE_CHAIN_TOO_LONG)
        return SL_ABORT_ALERT;
    if (outcome == SL_HANDSHAKE_REFUSED_PEER)
        return SL_ABORT_REFUSED_PEER;
    if (outcome == SL_HANDSHAKE_CHAIN_TOO_LONG)
        return SL_ABORT_CHAIN_TOO_LONG;
    return outcome == SL_HANDSHAKE_TIMED_OUT ? SL_ABORT_TIMED_OUT : SL_ABORT_FAILED;
}

struct sl_message_abort sl_handshake_explain(const struct handshake *handshake,
                                             enum sl_handshake_counter outcome)
{
    return (struct sl_message_abort){
        .cause = (uint8_t)cause_of(handshake, outcome),
        .has_heard = handshake->has_heard,
        .alert = handshake->alert,
        .error = (uint32_t)ERR_peek_error(),
        .verify_result =
            handshake->ssl != NULL ? (uint32_t)SSL_get_verify_result(handshake->ssl) : 0,
        .age_ms = (uint32_t)((handshake->owner->now_ns - handshake->begun_ns) / 1000000),
    };
}

void sl_handshake_post_abort(struct sl_handshaker *handshaker, unsigned worker, uint64_t handle,
                             const struct sl_message_abort *message)
{
    if (!sl_handshake_post(&handshaker->outboxes[worker], SL_MESSAGE_ABORT, handle, message,
                           sizeof *message, NULL, 0))
        sl_handshake_count(handshaker, SL_HANDSHAKE_WORKER_RING_FULL);
}

void sl_handshake_fail_with_alert(struct handshake *handshake, uint8_t description,
                                  enum sl_handshake_counter outcome)
{
    const uint8_t parts[] = {SL_CONTENT_ALERT, 0, 0, 2, SL_ALERT_FATAL, description};
    const struct sl_message_send alert = {.count = 1, .bytes_len = sizeof parts};
    if (!sl_handshake_post(sl_handshake_outbox(handshake), SL_MESSAGE_SEND, handshake->handle,
                           &alert, sizeof alert, parts, sizeof parts))
        sl_handshake_count(handshake->owner, SL_HANDSHAKE_WORKER_RING_FULL);
    sl_handshake_fail(handshake, outcome);
}

void sl_handshake_give_up(struct handshake *handshake)
{
    if (handshake->is_doubted && handshake->server.is_psk)
        sl_handshake_refuse_psk(handshake);
    else if (handshake->is_doubted && handshake->role->awaits_chain(handshake))
        sl_handshake_refuse_chain(handshake);
    else
        sl_handshake_fail(handshake, SL_HANDSHAKE_TIMED_OUT);
}

static void describe_time_out(const struct sl_message_abort *abort, char *text)
{
    /* In tenths, so that many are of one kind. */
    snprintf(text, SL_REASON_LEN, "%s in %g s",
             abort->has_heard ? "the server began to answer, and did not finish the handshake"
                              : "no answer from the server",
             (abort->age_ms + 50) / 100 / 10.0);
}

static void describe_failure(const struct sl_message_abort *abort, char *text)
{
    const char *reason = abort->error != 0 ? ERR_reason_error_string(abort->error) : NULL;
    snprintf(text, SL_REASON_LEN, "the handshake with the server failed: %s",
             reason != NULL ? reason : "OpenSSL gives no reason");
}

/** Why a peer's certificate is not trusted. */
static const char *verify_text(uint32_t verify_result)
{
    switch (verify_result) {
    case X509_V_ERR_CERT_REJECTED:
        return "neither its fingerprint nor its node id is one that is trusted";
    case X509_V_ERR_HOSTNAME_MISMATCH:
        return "hostname mismatch: the name that was asked for is not in its subjectAltName";
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "IP address mismatch: the address that was asked for is not in its subjectAltName";
    default:
        return X509_verify_cert_error_string(verify_result);
    }
}

static void describe_refusal(uint32_t verify_result, char *text)
{
    if (verify_result == X509_V_ERR_APPLICATION_VERIFICATION)
        snprintf(text, SL_REASON_LEN, "the server's certificate is not the one that is expected");
    else
        snprintf(text, SL_REASON_LEN, "the server's certificate is not trusted: %s",
                 verify_text(verify_result));
}

void sl_handshake_describe_abort(const struct sl_message_abort *abort, char *text)
{
    switch ((enum sl_abort_cause)abort->cause) {
    case SL_ABORT_OVERFLOW:
        snprintf(text, SL_REASON_LEN, "too many handshakes at once");
        return;
    case SL_ABORT_CPU_SPENT:
        snprintf(text, SL_REASON_LEN, "the time for handshakes is spent");
        return;
    case SL_ABORT_TIMED_OUT:
        describe_time_out(abort, text);
        return;
    case SL_ABORT_REFUSED_PEER:
        describe_refusal(abort->verify_result, text);
        return;
    case SL_ABORT_FORGERIES:
        snprintf(text, SL_REASON_LEN, "the session's key has met too many forged records");
        return;
    case SL_ABORT_CHAIN_TOO_LONG:
        snprintf(text, SL_REASON_LEN,
                 "the server's certificate chain is longer than certificate_chain_kib allows, or "
                 "has more than 16 certificates");
        return;
    case SL_ABORT_ALERT:
        snprintf(text, SL_REASON_LEN, "the server answered alert %u (%s)", abort->alert,
                 SSL_alert_desc_string_long(abort->alert));
        return;
    case SL_ABORT_FAILED:
        break;
    }
    describe_failure(abort, text);
}
