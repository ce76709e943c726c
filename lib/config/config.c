#include <stdio.h>
#include <stdlib.h>

#include "config_priv.h"

static const cyaml_config_t cyaml_settings = {
    .mem_fn = cyaml_mem,
    .flags = CYAML_CFG_DEFAULT,
};

/** File names are meant relative to the configuration's folder. */
static void resolve(char **name, const char *config_path)
{
    const char *slash = strrchr(config_path, '/');
    if (*name == NULL || **name == '/' || slash == NULL)
        return;
    char *resolved = NULL;
    if (asprintf(&resolved, "%.*s/%s", (int)(slash - config_path), config_path, *name) < 0)
        return;
    free(*name);
    *name = resolved;
}

static void resolve_trust(struct sl_config_trust *trust, const char *config_path)
{
    if (trust == NULL)
        return;
    resolve(&trust->ca_file, config_path);
    resolve(&trust->crl_file, config_path);
    resolve(&trust->psk_file, config_path);
    resolve(&trust->psk_lookup, config_path);
}

static struct sl_config *build(struct sl_yaml *yaml, struct sl_yaml_errors *errors)
{
    struct sl_config *config = NULL;
    cyaml_err_t result = cyaml_load_data(yaml->text, yaml->text_len, &cyaml_settings,
                                         &config_schema, (cyaml_data_t **)&config, NULL);
    if (result != CYAML_OK) {
        sl_yaml_fail(errors, 1, "%s", cyaml_strerror(result));
        return NULL;
    }
    config_set_defaults(config, yaml);
    if (!config_check_meaning(config, yaml, errors)) {
        cyaml_free(&cyaml_settings, &config_schema, config, 0);
        return NULL;
    }
    for (unsigned i = 0; i < config->certificates_count; i++) {
        resolve(&config->certificates[i].certificate, errors->path);
        resolve(&config->certificates[i].key, errors->path);
        resolve(&config->certificates[i].ocsp_file, errors->path);
    }
    for (unsigned i = 0; i < config->connections_count; i++) {
        resolve(&config->connections[i].certificate, errors->path);
        resolve(&config->connections[i].key, errors->path);
        resolve(&config->connections[i].psk_file, errors->path);
        resolve_trust(config->connections[i].trust, errors->path);
    }
    resolve(&config->client_ca, errors->path);
    resolve_trust(config->trust, errors->path);
    for (unsigned i = 0; i < config->services_count; i++)
        resolve_trust(config->services[i].trust, errors->path);
    resolve(&config->keylog_file, errors->path);
    return config;
}

struct sl_config *sl_config_load(const char *path, char *error, size_t error_len)
{
    struct sl_yaml_errors errors = {
        .path = path, .what = "configuration", .text = error, .text_len = error_len};
    struct sl_yaml *yaml = malloc(sizeof *yaml);
    if (yaml == NULL) {
        sl_yaml_fail(&errors, 1, "out of memory");
        return NULL;
    }
    if (!sl_yaml_load(yaml, CONFIG_FILE_MAX, &errors)) {
        free(yaml);
        return NULL;
    }
    struct sl_config *config = NULL;
    if (sl_yaml_check(yaml, &config_schema, &errors))
        config = build(yaml, &errors);
    if (config == NULL) {
        sl_yaml_unload(yaml);
        free(yaml);
        return NULL;
    }
    config->path = strdup(path);
    config->private_data = yaml;
    return config;
}

void sl_config_destroy(struct sl_config *config)
{
    if (config == NULL)
        return;
    sl_yaml_unload(config->private_data);
    free(config->private_data);
    free(config->path);
    cyaml_free(&cyaml_settings, &config_schema, config, 0);
}

unsigned sl_config_line(const struct sl_config *config, const char *path)
{
    unsigned line;
    sl_yaml_find(config->private_data, path, &line);
    return line;
}
