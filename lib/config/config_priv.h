/** What the files of lib/config share. */
#ifndef CONFIG_PRIV_H
#define CONFIG_PRIV_H

#include "sl_config.h"
#include "sl_yaml.h"

#define CONFIG_FILE_MAX (1 << 20)
#define CONFIG_PATH_MAX 128

/** schema.c: the one description of the file's shape. */
extern const cyaml_schema_value_t config_schema;

/** semantics.c: what is left out gets its default; ranges, and what one key says about another. */
void config_set_defaults(struct sl_config *config, struct sl_yaml *yaml);
bool config_check_meaning(const struct sl_config *config, struct sl_yaml *yaml,
                          struct sl_yaml_errors *errors);
/** A file whose keys are compared. */
struct config_meaning {
    const struct sl_config *config;
    struct sl_yaml *yaml;
    struct sl_yaml_errors *errors;
};
/** The error of what stands at `path` in the file. return false. */
bool config_fail_at(const struct config_meaning *m, const char *path, const char *reason);
/** Has letters a-z, digits, '_', '-' and '.' only. */
bool config_is_name(const char *text);

/* address.c */
/** One host on a network may have it: not unspecified, loopback, multicast or broadcast. */
bool config_is_host_ip(const struct sl_ip *ip);

/** services.c: listeners, services, trust, and the certificates that they need. */
bool config_check_services(const struct config_meaning *m);

/* connections.c: the entries of `connect`. */
void config_default_connections(struct sl_config *config, struct sl_yaml *yaml);
bool config_check_connections(const struct sl_config *config, struct sl_yaml *yaml,
                              struct sl_yaml_errors *errors);

#endif
