/* A server's pre-shared keys: from the identity in a ClientKeyExchange to libssl. RFC 4279 2, RFC
 * 5489 2. libssl wants the key at once when it asks; a lookup may take its time. So the key is
 * found before libssl sees the message. */
#include <openssl/crypto.h>

#include "handshake_priv.h"

#define NS_PER_MS 1000000ULL
/** As long as most keys are: of what nobody has, where there is no file to be like. */
#define INVENTED_KEY_LEN 32

static unsigned give_key(SSL *ssl, const char *identity, unsigned char *key, unsigned room)
{
    (void)identity; /* cut at its first NUL; server->psk is that of the whole */
    const struct handshake *handshake = SSL_get_app_data(ssl);
    const struct sl_psk_secret *psk = &handshake->server.psk;
    if (psk->key_len > room)
        return 0;
    memcpy(key, psk->key, psk->key_len);
    return psk->key_len;
}

void sl_handshake_give_psks(SSL_CTX *ctx)
{
    SSL_CTX_set_psk_server_callback(ctx, give_key);
}

static bool takes_psks(const struct sl_handshake_service *service)
{
    return service->psks != NULL || service->looks_up;
}

const char *sl_handshake_suites_of(const struct sl_handshake_service *service)
{
    return sl_handshake_suites_for(takes_psks(service), !service->takes_only_psk,
                                   service->plain_psk);
}

/** The identity of a ClientKeyExchange; failed: it is none that a client can send here. */
static struct sl_reader identity_of(const struct handshake *handshake,
                                    const struct assembly *message)
{
    struct sl_reader r = sl_reader_of(message->message + SL_HANDSHAKE_HEADER_LEN, message->len);
    struct sl_reader identity = sl_read_vector(&r, 2);
    const size_t behind_len = handshake->server.key_exchange_len; /* a point's, RFC 5489 2 */
    identity.failed |= sl_reader_left(&identity) > SL_PSK_IDENTITY_MAX ||
                       sl_reader_left(&r) != behind_len ||
                       (behind_len > 0 && sl_read_u8(&r) != behind_len - 1);
    return identity;
}

static bool write_identity(struct handshake *handshake, const struct sl_reader *identity)
{
    char *text = handshake->identity.subject;
    static_assert(sizeof handshake->identity.subject == SL_PSK_TEXT_SIZE, "it has that room");
    if (sl_psk_write_identity(text, SL_PSK_TEXT_SIZE, identity->at, sl_reader_left(identity)))
        return true;
    memset(text, 0, SL_PSK_TEXT_SIZE);
    return false;
}

/** Nobody has the identity: the Finished will tell the client that it is refused. */
static bool invent(struct handshake *handshake)
{
    return sl_psk_invent(INVENTED_KEY_LEN, &handshake->server.psk);
}

/** No source prefix has more than half of the questions, so that others can be asked about. */
static bool has_room_to_ask(const struct sl_handshaker *handshaker, uint64_t asker)
{
    unsigned count = 0;
    for (size_t i = 0; i <= handshaker->questions.mask; i++) {
        const struct handshake *other = handshaker->questions.slots[i].object;
        count += other != NULL && other->server.asker == asker;
    }
    return count < SL_HANDSHAKE_QUESTIONS_MAX / 2 &&
           handshaker->question_count < SL_HANDSHAKE_QUESTIONS_MAX;
}

/** Asks the lookup program. false: it can't be asked. */
static bool ask(struct handshake *handshake, const struct sl_reader *identity)
{
    struct sl_handshaker *handshaker = handshake->owner;
    const struct sl_handshake_lookup *lookup = handshaker->config.lookup;
    const struct sl_handshake_question question = {
        .number = handshaker->questions_asked + 1,
        .service = handshake->server.service->name,
        .identity = identity->at,
        .identity_len = sl_reader_left(identity),
    };
    const uint64_t asker =
        sl_prefix_hash(&handshaker->cpu.prefixes, &handshake->path.tuple.remote_ip);
    if (lookup == NULL || !has_room_to_ask(handshaker, asker) ||
        !lookup->ask(lookup->arg, &question))
        return false;
    handshaker->questions_asked++;
    handshaker->question_count++;
    handshake->server.question = question.number;
    handshake->server.asker = asker;
    handshake->server.answer_due_ns =
        handshaker->now_ns + handshaker->config.lookup_timeout_ms * NS_PER_MS;
    sl_handshake_insert(&handshaker->questions, question.number, handshake);
    sl_handshake_wipe_flight(&handshake->flight); /* the client has it: it has answered */
    sl_handshake_count(handshaker, SL_HANDSHAKE_PSK_LOOKUP);
    return true;
}

/** Finds the key, or begins to. false: out of memory or randomness. */
static bool look_up(struct handshake *handshake, const struct sl_reader *identity)
{
    const struct sl_psks *psks = handshake->server.service->psks;
    bool can_be_told = write_identity(handshake, identity);
    if (psks != NULL)
        return sl_psks_find(psks, identity->at, sl_reader_left(identity), &handshake->server.psk);
    if (!can_be_told)
        return invent(handshake);
    if (!ask(handshake, identity)) {
        handshake->server.is_unanswered = true;
        handshake->refuse_ns = handshake->owner->now_ns;
    }
    return true;
}

static void count_unknown(struct handshake *handshake)
{
    if (!handshake->server.psk.is_known)
        sl_handshake_count(handshake->owner, SL_HANDSHAKE_PSK_UNKNOWN);
}

enum progress sl_handshake_find_psk(struct handshake *handshake, struct assembly *message)
{
    struct server_side *server = &handshake->server;
    if (server->psk.key_len > 0)
        return PROGRESS_MADE;
    if (server->question != 0 || server->is_unanswered)
        return PROGRESS_WAITS;
    struct sl_reader identity = identity_of(handshake, message);
    if (identity.failed) { /* forged, as epoch 0 can be: the true one comes again */
        sl_handshake_count(handshake->owner, SL_HANDSHAKE_BAD_RECORD);
        sl_handshake_reset_assembly(message);
        return PROGRESS_WAITS;
    }
    server->key_exchange_hash =
        sl_siphash(handshake->owner->config.prefix_key, message->message + SL_HANDSHAKE_HEADER_LEN,
                   message->len);
    if (!look_up(handshake, &identity))
        return PROGRESS_FAILED;
    if (server->psk.key_len == 0) {
        sl_handshake_arm(handshake);
        return PROGRESS_WAITS;
    }
    count_unknown(handshake);
    return PROGRESS_MADE;
}

void sl_handshake_forget_question(struct handshake *handshake)
{
    if (handshake->server.question == 0)
        return;
    sl_handshake_remove(&handshake->owner->questions, handshake->server.question);
    handshake->owner->question_count--;
    handshake->server.question = 0;
}

/** Goes on with the key that was found. */
static void go_on(struct handshake *handshake, const struct sl_handshake_answer *answer)
{
    struct sl_psk_secret *psk = &handshake->server.psk;
    sl_handshake_forget_question(handshake);
    bool ok = invent(handshake); /* in any case, as for an identity that nobody has */
    if (answer->key_len > 0 && answer->key_len <= sizeof psk->key) {
        psk->is_known = true;
        psk->key_len = answer->key_len;
        memcpy(psk->key, answer->key, answer->key_len);
    }
    count_unknown(handshake);
    if (ok)
        sl_handshake_advance(handshake);
    else
        sl_handshake_fail(handshake, SL_HANDSHAKE_FAILED);
}

void sl_handshake_miss_answer(struct handshake *handshake)
{
    handshake->server.is_unanswered = true;
    sl_handshake_refuse_psk(handshake);
}

bool sl_handshake_take_answers(struct sl_handshaker *handshaker, unsigned budget)
{
    const struct sl_handshake_lookup *lookup = handshaker->config.lookup;
    struct sl_handshake_answer answer;
    bool busy = false;
    for (;
         handshaker->question_count > 0 && budget > 0 && lookup->next_answer(lookup->arg, &answer);
         budget--) {
        struct handshake *handshake = sl_handshake_find(&handshaker->questions, answer.number);
        if (handshake != NULL)
            go_on(handshake, &answer);
        else
            sl_handshake_count(handshaker, SL_HANDSHAKE_STALE);
        OPENSSL_cleanse(&answer, sizeof answer);
        busy = true;
    }
    return busy;
}

/* Whoever does not know the key seals a Finished that does not open. So does anybody who forges
 * one, and the true one may be lost. So it is told only when the client's flight has come once
 * more, with a ClientKeyExchange that a stranger does not know, and its Finished has had time to
 * open. */
void sl_handshake_doubt_psk(struct handshake *handshake)
{
    if (handshake->server.is_psk && !handshake->keys->is_proven)
        handshake->is_doubted = true;
}

void sl_handshake_see_psk_again(struct handshake *handshake, const struct fragment *fragment)
{
    const struct sl_handshaker_config *config = &handshake->owner->config;
    if (!handshake->server.is_psk || !handshake->is_doubted || handshake->keys == NULL ||
        handshake->keys->is_proven || handshake->refuse_ns != 0 ||
        fragment->type != SL_HANDSHAKE_CLIENT_KEY_EXCHANGE || fragment->len != fragment->msg_len ||
        sl_siphash(config->prefix_key, fragment->bytes, fragment->len) !=
            handshake->server.key_exchange_hash)
        return;
    handshake->refuse_ns = handshake->owner->now_ns + config->first_timeout_ms * NS_PER_MS / 2;
    sl_handshake_arm(handshake);
}

/* RFC 4279 2. Who could not be asked about may have the right key, and should come again. */
void sl_handshake_refuse_psk(struct handshake *handshake)
{
    if (handshake->server.is_unanswered) {
        sl_handshake_count(handshake->owner, SL_HANDSHAKE_PSK_UNANSWERED);
        sl_handshake_fail_with_alert(handshake, SSL_AD_INTERNAL_ERROR, SL_HANDSHAKE_FAILED);
        return;
    }
    sl_handshake_fail_with_alert(handshake, SSL_AD_DECRYPT_ERROR, SL_HANDSHAKE_REFUSED_PSK);
}
