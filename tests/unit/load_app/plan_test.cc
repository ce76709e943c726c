extern "C" {
#include "plan.h"
}

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdarg>
#include <fstream>
#include <string>
#include <vector>

namespace
{

class Plan : public ::testing::Test
{
  protected:
    Plan() : path(::testing::TempDir() + "sluice-plan-" + std::to_string(getpid()) + ".yaml")
    {
        plan_init(&plan);
    }
    ~Plan() override
    {
        plan_wipe(&plan);
        unlink(path.c_str());
    }
    void Reset()
    {
        plan_wipe(&plan);
        plan_init(&plan);
    }
    // As if it were the command line behind the program's name.
    command Read(std::vector<std::string> arguments)
    {
        Reset();
        std::vector<char *> argv = {(char *)"sluice-load"};
        for (std::string &argument : arguments)
            argv.push_back(argument.data());
        argv.push_back(nullptr);
        optind = 0;
        ::testing::internal::CaptureStderr();
        command result = plan_read_arguments(&plan, (int)argv.size() - 1, argv.data());
        said = ::testing::internal::GetCapturedStderr();
        return result;
    }
    command ReadFile(const std::string &text, std::vector<std::string> arguments = {})
    {
        std::ofstream(path, std::ios::binary) << text;
        arguments.insert(arguments.begin(), {"-f", path});
        return Read(arguments);
    }
    // What is wrong with a file, without its name.
    std::string ErrorOf(const std::string &text)
    {
        if (ReadFile(text) != COMMAND_MISUSE)
            return "none";
        EXPECT_EQ(said.compare(0, path.size() + 1, path + ":"), 0) << said;
        return said.substr(path.size() + 1);
    }
    struct plan plan;
    std::string path, said;
};

const char kLeast[] = "server: {address: '198.18.0.1:4433', insecure: true}\n";

} // namespace

TEST_F(Plan, HasDefaults)
{
    ASSERT_EQ(Read({"--insecure", "localhost:4433"}), COMMAND_RUN) << said;
    EXPECT_STREQ(plan.server, "localhost:4433");
    EXPECT_EQ(plan.clients, 1u);
    EXPECT_EQ(plan.cid_len, 8);
    EXPECT_EQ(plan.rate, 0);
    EXPECT_EQ(plan.duration_ns, 10000000000u);
    EXPECT_EQ(plan.late_after_ns, 1000000000u);
    EXPECT_TRUE(plan.expects_echo);
    EXPECT_EQ(plan.sizes.count, 1u);
    EXPECT_EQ(plan.sizes.sizes[0].max, 64u);
    EXPECT_EQ(plan.cores, 1u);
    EXPECT_FALSE(plan_has(&plan, "rate"));
    EXPECT_TRUE(plan_has(&plan, "insecure"));
}

TEST_F(Plan, ReadsFlags)
{
    ASSERT_EQ(Read({"-c", "2k", "-r", "1M", "-d", "forever", "-s", "64-1350", "--cid=none",
                    "--fingerprint", "aa", "--fingerprint=bb", "--no-echo", "--rebind", "1%",
                    "[2001:db8::1]:4433", "--from", "[2001:db8::2]-[2001:db8::9]", "-q"}),
              COMMAND_RUN)
        << said;
    EXPECT_EQ(plan.clients, 2000u);
    EXPECT_EQ(plan.rate, 1e6);
    EXPECT_EQ(plan.duration_ns, VALUE_FOREVER);
    EXPECT_EQ(plan.sizes.sizes[0].min, 64u);
    EXPECT_EQ(plan.cid_len, -1);
    ASSERT_EQ(plan.fingerprints.count, 2u);
    EXPECT_STREQ(plan.fingerprints.items[1], "bb");
    EXPECT_FALSE(plan.expects_echo);
    EXPECT_DOUBLE_EQ(plan.rebind, 0.01);
    EXPECT_EQ(plan.sources.ip_count, 8u);
    EXPECT_TRUE(plan.is_quiet);
}

TEST_F(Plan, ReadsAFileAndFlagsOverrideIt)
{
    const char text[] = "server:\n"
                        "  address: '[2001:db8::1]:4433'\n"
                        "  fingerprints: [aa, bb]\n"
                        "clients:\n"
                        "  count: 100\n"
                        "data:\n"
                        "  rate: 20k\n"
                        "  echo: false\n"
                        "  poisson: yes\n";
    ASSERT_EQ(ReadFile(text, {"--rate", "5", "--fingerprint", "cc"}), COMMAND_RUN) << said;
    EXPECT_EQ(plan.rate, 5);
    EXPECT_EQ(plan.clients, 100u);
    EXPECT_FALSE(plan.expects_echo);
    EXPECT_TRUE(plan.is_poisson);
    ASSERT_EQ(plan.fingerprints.count, 1u);
    EXPECT_STREQ(plan.fingerprints.items[0], "cc");
    ASSERT_EQ(ReadFile(text, {"198.18.0.9:1"}), COMMAND_RUN) << said;
    EXPECT_STREQ(plan.server, "198.18.0.9:1");
    EXPECT_EQ(plan.fingerprints.count, 2u);
    EXPECT_STREQ(plan.fingerprints.items[1], "bb");
}

TEST_F(Plan, FilesAreRelativeToTheScenario)
{
    ASSERT_EQ(ReadFile("server: {address: 'a:1', ca: ca.crt}\nprogram: {json: /tmp/x.json}\n"),
              COMMAND_RUN)
        << said;
    EXPECT_EQ(plan.ca, path.substr(0, path.rfind('/')) + "/ca.crt");
    EXPECT_STREQ(plan.json, "/tmp/x.json");
    ASSERT_EQ(Read({"--ca", "ca.crt", "a:1"}), COMMAND_RUN) << said;
    EXPECT_STREQ(plan.ca, "ca.crt");
}

TEST_F(Plan, ErrorsOfAFileHaveTheirLine)
{
    struct {
        std::string text, error;
    } cases[] = {
        {std::string(kLeast) + "clients:\n  cuont: 1\n",
         "3: unknown key 'cuont' (did you mean 'count'?)\n"},
        {std::string(kLeast) + "cleints:\n  count: 1\n",
         "2: unknown key 'cleints' (did you mean 'clients'?)\n"},
        {std::string(kLeast) + "data:\n  rate: fast\n",
         "3: 'data.rate': 'fast' is no rate; such are 500, 20k, 1.5M (a second)\n"},
        {std::string(kLeast) + "data:\n  poisson: maybe\n",
         "3: 'poisson' has to be true or false, not 'maybe'\n"},
        {std::string(kLeast) + "clients: 5\n",
         "2: 'clients' has to be a mapping of keys to values\n"},
        {std::string(kLeast) + "data:\n  rate: [1]\n", "3: 'rate' has to be a single value\n"},
        {"server: {address: 'a:1', fingerprints: aa}\n", "1: 'fingerprints' has to be a list\n"},
        {std::string(kLeast) + "data: {rate: 1}\ndata: {rate: 2}\n",
         "3: duplicate key 'data' (first on line 2)\n"},
        {std::string(kLeast) + "program:\n  seed: 1\n  plot: x.gif\n",
         "4: 'program.plot': '" + path.substr(0, path.rfind('/')) +
             "/x.gif' ends neither in .png nor in .svg\n"},
        {std::string(kLeast) + "data:\n  warmup: 10s\n",
         "3: 'data.warmup': has to be shorter than --duration\n"},
        {"server: {address: a, insecure: true}\n",
         "1: 'server.address': 'a' is not HOST:PORT; such are localhost:4433, 198.18.0.1:4433, "
         "[2001:db8::1]:4433\n"},
        {"", "1: the file is empty\n"},
    };
    for (const auto &c : cases)
        EXPECT_EQ(ErrorOf(c.text), c.error) << c.text;
}

TEST_F(Plan, AServerHasToBeRecognized)
{
    EXPECT_EQ(Read({"a:1"}), COMMAND_MISUSE);
    EXPECT_EQ(said, "sluice-load: how is the server to be recognized? Choose --ca FILE, "
                    "--fingerprint HEX, --node-id ID, --psk FILE or --insecure\n");
    EXPECT_EQ(Read({"--psk", "f", "a:1"}), COMMAND_RUN);
    EXPECT_EQ(Read({"--ca", "f", "a:1"}), COMMAND_RUN);
    EXPECT_EQ(Read({"--ca", "f", "--fingerprint", "aa", "a:1"}), COMMAND_RUN);
    EXPECT_EQ(Read({"--ca", "f", "--insecure", "a:1"}), COMMAND_MISUSE);
    EXPECT_EQ(Read({"--node-id", "n", "--node-id", "m", "a:1"}), COMMAND_RUN);
    EXPECT_EQ(plan.node_ids.count, 2u);
    EXPECT_EQ(Read({"--node-id", "n", "--insecure", "a:1"}), COMMAND_MISUSE);
    EXPECT_EQ(Read({"--ca", "f", "--crl", "l", "a:1"}), COMMAND_RUN);
    EXPECT_STREQ(plan.crl, "l");
    EXPECT_EQ(Read({"--node-id", "n", "--crl", "l", "a:1"}), COMMAND_MISUSE);
}

TEST_F(Plan, WhatDoesNotGoTogetherIsRefused)
{
    const struct {
        std::vector<std::string> arguments;
        std::string error;
    } cases[] = {
        {{"--cert", "x"}, "--cert: needs --key"},
        {{"--key", "x"}, "--key: needs --cert"},
        {{"--name", "x"}, "--name: is looked for where --ca says who may vouch for it"},
        {{"--storm", "1", "--rate", "1"}, "--rate: does not go together with --storm"},
        {{"--storm", "1", "--find-max"}, "--find-max: does not go together with --storm"},
        {{"--find-max", "--rate", "1"}, "--rate: is what --find-max searches"},
        {{"--find-max", "--no-echo"},
         "--find-max: loss shows by echoes, and --no-echo expects none"},
        {{"--find-max", "--from-rate", "3M"},
         "--from-rate: the search begins at 3e+06 and goes up to 2e+06"},
        {{"--no-echo", "--max-loss", "1%"},
         "--max-loss: loss shows by echoes, and --no-echo expects none"},
        {{"--from", "198.18.0.2:1000-1009", "-c", "11"},
         "--from: has 10 addresses and ports for 11 clients"},
        {{"--from", "198.18.0.2:1000-1009", "-c", "10", "--rebind", "1%"},
         "--rebind: needs more addresses and ports than clients"},
        {{"--duration", "50ms"}, "--duration: is at least 100ms"},
        {{"--late-after", "2m"}, "--late-after: 1ms to 60s are possible"},
        {{"--first-timeout", "1ms"}, "--first-timeout: 100ms to 60s are possible"},
        {{"--cores", "2"}, "--cores: more of them than clients"},
        {{"--plot", "png"}, "--plot: 'png' ends neither in .png nor in .svg"},
        {{"--rate", "x"}, "--rate: 'x' is no rate; such are 500, 20k, 1.5M (a second)"},
    };
    for (const auto &c : cases) {
        std::vector<std::string> arguments = c.arguments;
        arguments.insert(arguments.end(), {"--insecure", "a:1"});
        EXPECT_EQ(Read(arguments), COMMAND_MISUSE) << c.error;
        EXPECT_EQ(said, "sluice-load: " + c.error + "\n");
    }
}

TEST_F(Plan, MisuseSaysWhat)
{
    EXPECT_EQ(Read({}), COMMAND_MISUSE);
    EXPECT_NE(said.find("HOST:PORT is needed"), std::string::npos);
    EXPECT_EQ(Read({"--insecure", "a:1", "b:2"}), COMMAND_MISUSE);
    EXPECT_NE(said.find("this is another: b:2"), std::string::npos);
    EXPECT_EQ(Read({"--no-such"}), COMMAND_MISUSE);
    EXPECT_NE(said.find("--no-such"), std::string::npos);
    EXPECT_EQ(Read({"--rate"}), COMMAND_MISUSE);
    EXPECT_NE(said.find("an argument is missing behind --rate"), std::string::npos);
    EXPECT_EQ(Read({"report", "x.json"}), COMMAND_REPORT);
}

TEST_F(Plan, HelpNamesEveryOption)
{
    ::testing::internal::CaptureStdout();
    EXPECT_EQ(Read({"--help"}), COMMAND_DONE);
    std::string help = ::testing::internal::GetCapturedStdout();
    for (unsigned i = 0; i < plan_option_count; i++)
        EXPECT_NE(help.find("--" + std::string(plan_options[i].name)), std::string::npos)
            << plan_options[i].name;
    for (size_t begin = 0, end; (end = help.find('\n', begin)) != std::string::npos;
         begin = end + 1)
        EXPECT_LE(end - begin, 100u) << help.substr(begin, end - begin);
}

TEST_F(Plan, TheExampleHasEveryKeyAndIsRight)
{
    const std::string example = SLUICE_SOURCE "/app/load/example.yaml";
    ASSERT_EQ(Read({"-f", example}), COMMAND_RUN) << said;
    std::ifstream file(example);
    std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    for (unsigned i = 0; i < plan_option_count; i++) {
        std::string key = strchr(plan_options[i].path, '.') + 1;
        EXPECT_NE(text.find(" " + key + ": "), std::string::npos) << plan_options[i].path;
    }
}

TEST_F(Plan, GoesPastTheKernelOnlyWithAddressesOfItsOwn)
{
    ASSERT_EQ(Read({"--insecure", "--interface", "eth1", "--driver", "af_packet", "--from",
                    "198.18.0.2", "--next-hop", "198.18.0.254", "--vlan", "7", "198.18.0.1:4433"}),
              COMMAND_RUN)
        << said;
    EXPECT_TRUE(plan_has_dpdk(&plan));
    EXPECT_EQ(plan.driver, VALUE_DRIVER_AF_PACKET);
    EXPECT_TRUE(plan.next_hop.is_ip);
    EXPECT_EQ(plan.vlan, 7u);
    ASSERT_EQ(ReadFile(std::string(kLeast) + "clients: {from: 198.18.0.2}\n"
                                             "port: {devices: [net_null0, net_null1]}\n"),
              COMMAND_RUN)
        << said;
    EXPECT_EQ(plan.devices.count, 2u);
    const std::pair<std::vector<std::string>, const char *> mistakes[] = {
        {{"--interface", "eth1"}, "--interface: needs --from"},
        {{"--device", "net_null0"}, "--device: needs --from"},
        {{"--interface", "eth1", "--device", "net_null0", "--from", "198.18.0.2"},
         "--device: does not go together with --interface"},
        {{"--driver", "af_xdp"}, "--driver: is for --interface"},
        {{"--vlan", "7"}, "--vlan: is for --interface"},
        {{"--next-hop", "198.18.0.254"}, "--next-hop: is for --interface"},
        {{"--device", "net_null0", "--driver", "af_xdp", "--from", "198.18.0.2"},
         "--driver: is for --interface"},
        {{"--interface", "eth1", "--from", "198.18.0.2", "--vlan", "4095"}, "--vlan: 1 to 4094"},
        {{"--interface", "eth1", "--from", "198.18.0.2", "--driver", "xdp"},
         "'xdp' is none of auto, af_xdp and af_packet"},
        {{"--storm", "100", "--flood-hello", "10"}, "--storm: floods go beside sessions"},
        {{"--pcap", "data"}, "--pcap: is for --write-pcap"},
        {{"--write-pcap", "x", "--pcap", "most"}, "'most' is none of all, sent and data"},
    };
    for (const auto &[arguments, sentence] : mistakes) {
        std::vector<std::string> all = arguments;
        all.insert(all.end(), {"--insecure", "198.18.0.1:4433"});
        EXPECT_EQ(Read(all), COMMAND_MISUSE) << sentence;
        EXPECT_NE(said.find(sentence), std::string::npos) << said;
    }
}
