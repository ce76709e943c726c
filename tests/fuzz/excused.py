"""Lines of the parsers that no input can reach, and why.

{FILE: {the beginning of a line: why}}: the line and the block that it begins, as far as it is missed.
"""
FAILS = "libcrypto, libssl or malloc has to fail"
SYSTEM = "a system call has to fail"
WRITES = "writes what the program itself has, and takes nothing from outside"

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
    "lib/handshake/assembly.c": {
        "if (assembly->message == NULL ||": FAILS,
        "if (!goes_on &&": FAILS,
    },
    "lib/identity/pem.c": {
        'return sl_identity_refuse(reason, "out of memory")': FAILS,
        'sl_identity_refuse(reason, "out of memory")': FAILS,
        'return sl_identity_refuse(reason, "%s %s cannot be': KINDS,
        'return sl_identity_refuse(reason, "%s %s is larger': KINDS,
        "X509_free(next);": FAILS,
    },
    "lib/identity/identity.c": {
        "X509_PUBKEY_free(copy);": FAILS,
    },
    "lib/preload/read.c": {
        'fail(reader, error, error_len, "it can\'t be read': SYSTEM,
        'snprintf(error, error_len, "%s:1: out of memory"': FAILS,
        'snprintf(error, error_len, "%s:1: it can\'t be opened': KINDS,
    },
    "lib/registry/join.c": {
        "if (socketpair(": SYSTEM,
        "if (getsockopt(": SYSTEM,
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
