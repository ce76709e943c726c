/* Most of the reader is tested through lib/config; here is what a caller of it chooses. */
extern "C" {
#include "sl_yaml.h"
}

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace
{

/* A text `name` that has to be there and a number `count` that need not; libcyaml's own macros are
 * C alone. */
class RecipeSchema
{
  public:
    RecipeSchema()
    {
        fields[0].key = "name";
        fields[0].value.type = CYAML_STRING;
        fields[0].value.flags = CYAML_FLAG_POINTER;
        fields[0].value.string.max = 8;
        fields[1].key = "count";
        fields[1].value.type = CYAML_UINT;
        fields[1].value.flags = CYAML_FLAG_OPTIONAL;
        fields[1].value.data_size = sizeof(unsigned);
        root.type = CYAML_MAPPING;
        root.mapping.fields = fields;
    }
    cyaml_schema_field_t fields[3] = {};
    cyaml_schema_value_t root = {};
};

class Yaml : public ::testing::Test
{
  protected:
    Yaml() : path(::testing::TempDir() + "sluice-yaml-" + std::to_string(getpid()) + ".yaml") {}
    ~Yaml() override
    {
        Unload();
        unlink(path.c_str());
    }
    void Unload()
    {
        if (is_loaded)
            sl_yaml_unload(&yaml);
        is_loaded = false;
    }
    bool Load(const std::string &text, size_t size_max = 4096)
    {
        Unload();
        std::ofstream(path, std::ios::binary) << text;
        errors = {path.c_str(), "recipe", error, sizeof error, false};
        error[0] = '\0';
        is_loaded = sl_yaml_load(&yaml, size_max, &errors);
        return is_loaded;
    }
    std::string Reason() const
    {
        std::string whole = error;
        return whole.substr(std::min(whole.size(), path.size() + 1));
    }
    std::string path;
    RecipeSchema schema;
    sl_yaml yaml;
    sl_yaml_errors errors;
    char error[256];
    bool is_loaded = false;
};

} // namespace

TEST_F(Yaml, FindsEachPathAndItsLine)
{
    ASSERT_TRUE(Load("a: 1\nb:\n  - c: x\n  - c: y\n    d: z\n")) << error;
    unsigned line = 0;
    const yaml_node_t *node = sl_yaml_find(&yaml, "b[1].d", &line);
    ASSERT_NE(node, nullptr);
    EXPECT_STREQ((const char *)node->data.scalar.value, "z");
    EXPECT_EQ(line, 5u);
    EXPECT_EQ(sl_yaml_find(&yaml, "b[1].e", &line), nullptr);
    EXPECT_EQ(line, 4u) << "the nearest parent's";
    EXPECT_EQ(sl_yaml_find(&yaml, "b[2]", &line), nullptr);
    EXPECT_EQ(line, 2u);
}

TEST_F(Yaml, ReadsJson)
{
    ASSERT_TRUE(Load("{\n  \"a\": [1.5, null, \"x\\u00e9\\n\"],\n  \"b\": {\"c\": true}\n}\n"))
        << error;
    unsigned line = 0;
    const yaml_node_t *node = sl_yaml_find(&yaml, "a[2]", &line);
    ASSERT_NE(node, nullptr);
    EXPECT_STREQ((const char *)node->data.scalar.value, "x\u00e9\n");
    node = sl_yaml_find(&yaml, "b.c", &line);
    ASSERT_NE(node, nullptr);
    EXPECT_STREQ((const char *)node->data.scalar.value, "true");
}

TEST_F(Yaml, ErrorsSayWhatTheFileIs)
{
    ASSERT_TRUE(Load("x\n"));
    EXPECT_FALSE(sl_yaml_check(&yaml, &schema.root, &errors));
    EXPECT_EQ(Reason(), "1: 'the recipe' has to be a mapping of keys to values");
    EXPECT_FALSE(Load("a: 1\n---\nb: 2\n"));
    EXPECT_EQ(Reason(), "2: a second document; a recipe is one");
    errors = {"/nonexistent", "recipe", error, sizeof error, false};
    EXPECT_FALSE(sl_yaml_load(&yaml, 1, &errors));
    EXPECT_STREQ(error, "/nonexistent:1: can't read the recipe: No such file or directory");
}

TEST_F(Yaml, ChecksAgainstTheSchemaThatIsGiven)
{
    ASSERT_TRUE(Load("count: 1\nname: salt\n"));
    EXPECT_TRUE(sl_yaml_check(&yaml, &schema.root, &errors)) << error;
    ASSERT_TRUE(Load("name: salt\ncuont: 1\n"));
    EXPECT_FALSE(sl_yaml_check(&yaml, &schema.root, &errors));
    EXPECT_EQ(Reason(), "2: unknown key 'cuont' (did you mean 'count'?)");
    ASSERT_TRUE(Load("count: 1\n"));
    EXPECT_FALSE(sl_yaml_check(&yaml, &schema.root, &errors));
    EXPECT_EQ(Reason(), "1: missing key 'name'");
}

TEST_F(Yaml, AFileBeyondTheCallersLimitIsNotRead)
{
    EXPECT_TRUE(Load(std::string(100, '#') + "\na: 1\n", 106));
    EXPECT_FALSE(Load(std::string(100, '#') + "\na: 1\n", 105));
    EXPECT_EQ(Reason(), "1: not a file of at most 105 bytes");
}
