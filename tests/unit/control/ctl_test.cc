/** sluice-ctl as a program, against a control loop in the test. */
#include "control_fixture.h"

namespace
{

class Ctl : public ControlTest
{
  protected:
    // What it prints on both outputs, and its status: "text[status]".
    std::string Run(const std::string &words)
    {
        FILE *in = popen((SLUICE_CTL " " + words + " 2>&1").c_str(), "r");
        std::string text;
        char buffer[4096];
        while (size_t got = fread(buffer, 1, sizeof buffer, in))
            text.append(buffer, got);
        return text + "[" + std::to_string(WEXITSTATUS(pclose(in))) + "]";
    }
    std::string Ask1(const std::string &words)
    {
        return Run("-s " + path + " " + words);
    }
};

} // namespace

TEST_F(Ctl, PrintsTheAnswerOfTheGateway)
{
    Start();
    EXPECT_EQ(Ask1("stats"), std::string(100, 't') + "[0]");
    EXPECT_EQ(Ask1("stats --json"), std::string(100, 'j') + "[0]");
    EXPECT_EQ(Ask1("consumers"), std::string(target.consumers) + "[0]");
    EXPECT_EQ(Ask1("certificates"), "a.crt\n[0]");
    EXPECT_EQ(Ask1("forged"), "session 1\n[0]");
    EXPECT_EQ(Ask1("access"), "deny 192.0.2.1\n[0]");
    EXPECT_EQ(Ask1("version"), "9.9\n[0]");
    target.consumers = "";
    EXPECT_EQ(Ask1("consumers"), "none\n[0]") << "nobody registered is no error";
    Stop();
}

TEST_F(Ctl, AReloadThatIsRefusedIsAFailure)
{
    Start();
    EXPECT_EQ(Ask1("reload"), std::string(target.reload_answer) + "[0]");
    target.reload_answer = "error: /etc/sluice.yaml:3: unknown key 'colour'\n";
    EXPECT_EQ(Ask1("reload"), std::string(target.reload_answer) + "[1]");
    Stop();
}

TEST_F(Ctl, SaysThatNoGatewayListens)
{
    EXPECT_EQ(Ask1("stats"), "sluice-ctl: no gateway listens on " + path +
                                 "; is it running, and is this its control_socket?\n[1]");
}

TEST_F(Ctl, SaysThatTheGatewayIsBusy)
{
    Start();
    int fds[20];
    for (int &fd : fds)
        fd = Connect();
    EXPECT_EQ(Ask1("version"), "error: too many ask at once; try again\n[1]");
    for (int fd : fds)
        close(fd);
    Stop();
}

TEST_F(Ctl, RefusesWordsThatItDoesNotKnow)
{
    for (const char *words :
         {"", "reboot", "stats now", "version --json", "reload --json", "--nonsense", "-s"}) {
        std::string text = Run(words);
        EXPECT_NE(text.find("usage: sluice-ctl"), std::string::npos) << words;
        EXPECT_EQ(text.substr(text.size() - 3), "[2]") << words;
    }
    EXPECT_EQ(Run("relaod").rfind("sluice-ctl: unknown command: relaod\nusage: ", 0), 0u);
    EXPECT_EQ(Run("reconnect").rfind("sluice-ctl: reconnect needs one NAME", 0), 0u);
    EXPECT_EQ(Run("reload now").rfind("sluice-ctl: reload stands alone", 0), 0u);
    EXPECT_EQ(Run("").rfind("sluice-ctl: a command is needed\n", 0), 0u);
    EXPECT_EQ(Run("--help").rfind("usage: ", 0), 0u);
    EXPECT_EQ(Run("--version").rfind("sluice-ctl ", 0), 0u);
}

TEST_F(Ctl, AFullDiskIsAnError)
{
    Start();
    std::string text = Ask1("stats >/dev/full");
    EXPECT_EQ(text.substr(text.size() - 3), "[1]");
    Stop();
}
