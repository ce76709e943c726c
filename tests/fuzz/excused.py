"""Lines of the parsers that no input can reach, and why.

{FILE: {the beginning of a line: why}}: the line and the block that it begins, as far as it is missed.
"""
FAILS = "libcrypto, libssl or malloc has to fail"
SYSTEM = "a system call has to fail"
WRITES = "writes what the program itself has, and takes nothing from outside"

CROWDS = "many at once, or seconds of silence: unit tests have them"
COMPARES = "digests of a fixed length, computed by us"
LIMITS = "lists, rates, limits, full tables and queues: unit tests have them"
SIZES = "keys, chains and serial numbers of sizes that take long to make: unit tests have them"
KINDS = "paths and kinds of files: unit tests have them, a target has one file"

EXCUSED = {
    "lib/admission/cookie.c": {
        "if (jar == NULL)": FAILS,
    },
    "lib/config/config.c": {
        'sl_yaml_fail(errors, 1, "%s", cyaml_strerror(result));': "schema and text were checked before",
        "return NULL;": FAILS,
        'sl_yaml_fail(&errors, 1, "out of memory")': FAILS,
    },
    "lib/consumer/connect.c": {
        "static int failure(int error)": SYSTEM,
        "return failure(errno);": SYSTEM,
        "if (strlen(path) >= sizeof address.sun_path)": "the path is the program's",
        "if (fd < 0)": SYSTEM,
        "int error = errno;": SYSTEM,
        "close(fd);": SYSTEM,
        "if (error == EPROTOTYPE)": SYSTEM,
        "return failure(error);": SYSTEM,
    },
    "lib/consumer/request.c": {
        "static int ask(": SYSTEM,
    },
    "lib/control/clients.c": {
        "if (client->fd >= 0 && now_ns - client->since_ns": CROWDS,
        "static void set_listening(": SYSTEM,
        "control->listen_again_ns = 0;": SYSTEM,
        "set_listening(control, true);": SYSTEM,
        "if (fd < 0 && errno != EAGAIN": SYSTEM,
        "close(fd);": "other users: unit tests have them",
        "if (out == NULL)": FAILS,
        "if (fclose(out) != 0) {": FAILS,
        "if (epoll_ctl(": SYSTEM,
        "if (fd < 0)": SYSTEM,
        "control_close_client(client);": FAILS,
    },
    "lib/handshake/assembly.c": {
        "if (!goes_on &&": FAILS,
    },
    "lib/handshake/finish.c": {
        "continue;": FAILS,
    },
    "lib/handshake/input.c": {
        "sl_handshake_count(handshake->owner, SL_HANDSHAKE_FRAGMENT_LIMIT);": LIMITS,
        "if (held->record == NULL)": FAILS,
        "sl_handshake_fail(handshake, SL_HANDSHAKE_FAILED);": FAILS,
    },
    "lib/handshake/legacy.c": {
        "return PROGRESS_FAILED;": FAILS,
        "sl_handshake_count(handshake->owner, SL_HANDSHAKE_WORKER_RING_FULL);": LIMITS,
        "shut_down(handshake, SL_ABORT_FORGERIES);": LIMITS,
    },
    "lib/handshake/peer_check.c": {
        "sl_handshake_refuse(reason,": FAILS,
    },
    "lib/handshake/server_hello.c": {
        "if (!sl_handshake_make_ssl(": FAILS,
        "if (!feed_first_hellos(": FAILS,
    },
    "lib/identity/authorities.c": {
        "return sl_identity_refuse(": FAILS,
        'return sl_identity_refuse(r->reason, "CRL file %s holds a list that cannot': FAILS,
        'sl_identity_refuse(r->reason, "out of memory")': FAILS,
        "return false;": KINDS,
    },
    "lib/identity/chain.c": {
        "return false;": SIZES,
    },
    "lib/identity/parts.c": {
        'sl_identity_refuse(reason, "out of memory")': FAILS,
    },
    "lib/identity/psks.c": {
        'return sl_identity_refuse(reason, "out of memory")': FAILS,
        'sl_identity_refuse(reason, "out of memory")': FAILS,
        "out->key_len = 0;": FAILS,
    },
    "lib/identity/trust_check.c": {
        "sk_X509_free(chain);": FAILS,
        "return X509_V_ERR_EE_KEY_TOO_SMALL;": SIZES,
    },
    "lib/identity/pem.c": {
        'return sl_identity_refuse(reason, "out of memory")': FAILS,
        'sl_identity_refuse(reason, "out of memory")': FAILS,
        'return sl_identity_refuse(reason, "%s %s cannot be': KINDS,
        'return sl_identity_refuse(reason, "%s %s is larger': KINDS,
        "X509_free(next);": FAILS,
    },
    "lib/identity/identity.c": {
        "return -EINVAL;": FAILS,
        "if (certificate == NULL)": "nothing to read",
    },
    "lib/identity/fingerprint.c": {
        "bool sl_fingerprint_matches(": COMPARES,
    },
    "lib/identity/node_id.c": {
        "bool sl_node_id_matches(": COMPARES,
    },
    "lib/identity/public_key.c": {
        "X509_PUBKEY_free(copy);": FAILS,
        "OPENSSL_free(point_copy);": FAILS,
        "ASN1_OBJECT_free(curve_copy);": FAILS,
    },
    "lib/preload/read.c": {
        'fail(reader, error, error_len, "it can\'t be read': SYSTEM,
        'snprintf(error, error_len, "%s:1: out of memory"': FAILS,
        'snprintf(error, error_len, "%s:1: it can\'t be opened': KINDS,
    },
    "lib/registry/join.c": {
        "if (socketpair(": SYSTEM,
        "if (getsockopt(": SYSTEM,
        "return NULL;": CROWDS,
        "if (!has_quota(": CROWDS,
        "if (result != 0)": SYSTEM,
        "if (result != 0) {": SYSTEM,
        "if (consumer == NULL)": CROWDS,
    },
    "lib/registry/request.c": {
        "registry_leave(registry, consumer); /* it asks": CROWDS,
    },
    "lib/worker/admit.c": {
        "worker_learn_hop(": "sessions from a file: unit tests have them",
        "return SL_DROP_DENIED;": LIMITS,
        "if (job->drop == SL_DROP_AUTH && sl_epoch_is_forgery_limit_reached(": LIMITS,
        "worker_drop(w, SL_DROP_RING_FULL);": LIMITS,
    },
    "lib/worker/entries.c": {
        "worker_count(w, SL_COUNTER_EVENTS_LOST, 1);": LIMITS,
        "return copy_long(frame, to, taken);": "frames of the target hold a short payload",
        "return worker_write_legacy(": "sessions that libssl keeps: unit tests have them",
        "return SL_DROP_SEND_HOP;": "sessions from a file: unit tests have them",
        "worker_keep_frame(w, frame);": "frames of the target hold what a session may send",
    },
    "lib/worker/find.c": {
        "worker_finish_rx(w, now_ns);": LIMITS,
        "if (frame->flags & SL_FRAME_HANDED_OVER)": "a worker that hands over what is its own",
    },
    "lib/worker/hello.c": {
        "if (w->half_open >=": LIMITS,
        "if (*drop != SL_DROP_NONE)": LIMITS,
        "if (session == NULL) {": LIMITS,
        "return drop;": LIMITS,
        "drop = SL_DROP_SHUTDOWN;": "unit tests stop a worker",
        "__builtin_unreachable();": "never",
        "if (data + headers_len + payload_len > end)": "buffers are longer than that",
        "worker_drop(w, SL_DROP_ANSWER_NO_BUFFER);": LIMITS,
    },
    "lib/worker/parse.c": {
        "return SL_DROP_ANSWER_NO_BUFFER;": LIMITS,
    },
    "lib/yaml/load.c": {
        "if (fd < 0 ||": KINDS,
        "if (!S_ISREG(": KINDS,
        "if (got < 0)": SYSTEM,
        "if (!yaml_parser_initialize(": FAILS,
    },
    "app/load/scenario.c": {
        'sl_yaml_fail(errors, 1, "no memory")': FAILS,
        'sl_yaml_fail(&errors, 1, "no memory")': FAILS,
    },
    "app/load/outcome.c": {
        "static void copy_point(": WRITES,
        "static bool copy_steps(": WRITES,
        "bool outcome_of_result(": WRITES,
    },
    "app/load/values.c": {
        "static void write_list(": WRITES,
        "void value_write_json(": WRITES,
    },
}
