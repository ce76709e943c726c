#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "config_priv.h"

void config_fail(struct config_errors *errors, unsigned line, const char *format, ...)
{
    if (errors->is_set)
        return;
    errors->is_set = true;
    int used = snprintf(errors->text, errors->text_len, "%s:%u: ", errors->path, line);
    if (used < 0 || (size_t)used >= errors->text_len)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(errors->text + used, errors->text_len - (size_t)used, format, arguments);
    va_end(arguments);
    for (char *c = errors->text + used; *c != '\0'; c++) /* what is quoted keeps to the line */
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
}

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

static struct sl_config *build(struct config_outline *outline, struct config_errors *errors)
{
    struct sl_config *config = NULL;
    cyaml_err_t result = cyaml_load_data(outline->text, outline->text_len, &cyaml_settings,
                                         &config_schema, (cyaml_data_t **)&config, NULL);
    if (result != CYAML_OK) {
        config_fail(errors, 1, "%s", cyaml_strerror(result));
        return NULL;
    }
    config_set_defaults(config, outline);
    if (!config_check_meaning(config, outline, errors)) {
        cyaml_free(&cyaml_settings, &config_schema, config, 0);
        return NULL;
    }
    for (unsigned i = 0; i < config->certificates_count; i++) {
        resolve(&config->certificates[i].certificate, errors->path);
        resolve(&config->certificates[i].key, errors->path);
    }
    resolve(&config->client_ca, errors->path);
    resolve(&config->keylog_file, errors->path);
    return config;
}

struct sl_config *sl_config_load(const char *path, char *error, size_t error_len)
{
    struct config_errors errors = {.path = path, .text = error, .text_len = error_len};
    struct config_outline *outline = malloc(sizeof *outline);
    if (outline == NULL) {
        config_fail(&errors, 1, "out of memory");
        return NULL;
    }
    if (!config_outline_load(outline, &errors)) {
        free(outline);
        return NULL;
    }
    struct sl_config *config = NULL;
    if (config_check_shape(outline, &errors))
        config = build(outline, &errors);
    if (config == NULL) {
        config_outline_free(outline);
        free(outline);
        return NULL;
    }
    config->path = strdup(path);
    config->private_data = outline;
    return config;
}

void sl_config_destroy(struct sl_config *config)
{
    if (config == NULL)
        return;
    config_outline_free(config->private_data);
    free(config->private_data);
    free(config->path);
    cyaml_free(&cyaml_settings, &config_schema, config, 0);
}

unsigned sl_config_line(const struct sl_config *config, const char *path)
{
    unsigned line;
    config_outline_find(config->private_data, path, &line);
    return line;
}
