/** sluice-echo and sluice-cat as programs, at a gateway whose workers are played by the test. */
extern "C" {
#include "sl_identity.h"
}

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "consumer_fixture.h"
#include "ring_copy.h"

namespace
{

class Program
{
  public:
    explicit Program(std::vector<std::string> words)
    {
        int out[2], err[2];
        if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
            abort();
        std::vector<char *> argv;
        for (std::string &word : words)
            argv.push_back(word.data());
        argv.push_back(nullptr);
        pid_ = fork();
        if (pid_ == 0) {
            dup2(out[1], STDOUT_FILENO);
            dup2(err[1], STDERR_FILENO);
            execv(argv[0], argv.data());
            _exit(127);
        }
        close(out[1]);
        close(err[1]);
        out_ = out[0];
        err_ = err[0];
    }
    ~Program()
    {
        if (pid_ > 0) {
            kill(pid_, SIGKILL);
            waitpid(pid_, nullptr, 0);
        }
        close(out_);
        close(err_);
    }

    void signal(int number)
    {
        kill(pid_, number);
    }

    /** Its exit status; -1 when it was killed or does not end within ten seconds. */
    int exit_status()
    {
        int status = 0;
        for (unsigned i = 0; i < 10000; i++, usleep(1000)) {
            if (waitpid(pid_, &status, WNOHANG) == pid_) {
                pid_ = -1;
                return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
            }
        }
        return -1;
    }

    /** The next line on standard output, without its end; what there is after five seconds. */
    std::string line()
    {
        return read_line(out_);
    }
    std::string error_line()
    {
        return read_line(err_);
    }

  private:
    static std::string read_line(int fd)
    {
        std::string text;
        char byte;
        for (pollfd p = {fd, POLLIN, 0}; poll(&p, 1, 5000) == 1 && read(fd, &byte, 1) == 1;) {
            if (byte == '\n')
                break;
            text += byte;
        }
        return text;
    }

    pid_t pid_;
    int out_, err_;
};

struct Programs : test::ConsumerTest {
    test::CopiedEntry entry;

    sl_attachment *attachment()
    {
        EXPECT_TRUE(gateway->has_attachments(1));
        return gateway->attachments().at(0);
    }

    /** Waits for what the program sends. */
    bool collect(sl_attachment *from)
    {
        int result = 0;
        bool has_come = test::eventually([&] {
            result = test::copy_next(&from->send, &entry);
            return result != 0;
        });
        return has_come && result == 1;
    }
};

TEST_F(Programs, RefuseWordsThatTheyDoNotKnow)
{
    for (const char *program : {SLUICE_ECHO, SLUICE_CAT}) {
        EXPECT_EQ(Program({program}).exit_status(), 2);
        EXPECT_EQ(Program({program, "--nonsense", "echo"}).exit_status(), 2);
        EXPECT_EQ(Program({program, "one", "two"}).exit_status(), 2);
        EXPECT_EQ(Program({program, "-s"}).exit_status(), 2);
    }
}

TEST_F(Programs, ShowHelpAndVersion)
{
    for (const char *program : {SLUICE_ECHO, SLUICE_CAT}) {
        Program help({program, "--help"}), version({program, "--version"});
        EXPECT_EQ(help.exit_status(), 0);
        EXPECT_EQ(help.line().rfind("usage: ", 0), 0u);
        EXPECT_EQ(version.exit_status(), 0);
        EXPECT_NE(version.line().find(sluice_version()), std::string::npos);
    }
}

TEST_F(Programs, SayWhatIsWrongAndEnd)
{
    for (const char *program : {SLUICE_ECHO, SLUICE_CAT}) {
        Program nobody({program, "--once", "-s", path, "echo"});
        EXPECT_EQ(nobody.exit_status(), 1);
        EXPECT_NE(nobody.error_line().find("no gateway listens"), std::string::npos);
    }
    start_gateway(1);
    for (const char *program : {SLUICE_ECHO, SLUICE_CAT}) {
        Program nothing({program, "-s", path, "nothing"});
        EXPECT_EQ(nothing.exit_status(), 1);
        EXPECT_NE(nothing.error_line().find("no such service"), std::string::npos);
    }
}

TEST_F(Programs, EchoWhatWasReceived)
{
    for (const char *option : {"--confirm-moves", "--spin"}) {
        gateway.reset();
        start_gateway(1);
        Program echo({SLUICE_ECHO, option, "-s", path, "echo"});
        sl_attachment *a = attachment();
        sl_opened opened{};
        sl_ring_moved moved{};
        test::put(a, SL_RING_OPEN, 7, &opened, sizeof opened);
        for (unsigned i = 0; i < 100; i++) {
            std::string text = "message " + std::to_string(i);
            test::put(a, SL_RING_DATA, 7, text.data(), text.size());
            test::show(a);
            ASSERT_TRUE(collect(a));
            EXPECT_EQ(entry.kind, SL_RING_SEND);
            EXPECT_EQ(entry.session, 7u);
            EXPECT_EQ(std::string(entry.payload.begin(), entry.payload.end()), text);
        }
        test::put(a, SL_RING_MOVED, 7, &moved, sizeof moved);
        test::put(a, SL_RING_REFUSED, 7, nullptr, 0, SL_REFUSE_HANDLE);
        test::put(a, SL_RING_CLOSE, 7, nullptr, 0, SL_CLOSE_PEER);
        test::put(a, SL_RING_DATA, 8, "end", 3);
        test::show(a);
        ASSERT_TRUE(collect(a));
        if (entry.kind == SL_RING_CONFIRM_MOVE) {
            EXPECT_STREQ(option, "--confirm-moves");
            EXPECT_EQ(entry.payload.size(), sizeof moved);
            EXPECT_EQ(memcmp(entry.payload.data(), &moved, offsetof(sl_ring_moved, confirmed)), 0);
            ASSERT_TRUE(collect(a));
        }
        EXPECT_EQ(entry.session, 8u);
        echo.signal(SIGTERM);
        EXPECT_EQ(echo.exit_status(), 0);
        EXPECT_EQ(echo.line(), "sluice-echo: 101 received, 101 echoed, 0 dropped, 1 refused; "
                               "sessions: 1 opened, 1 closed, 1 moved");
    }
}

TEST_F(Programs, EchoCountsWhatDidNotFit)
{
    gateway = std::make_unique<test::Gateway>(path, 1, 4096);
    gateway->start_polling();
    Program echo({SLUICE_ECHO, "-s", path, "echo"});
    sl_attachment *a = attachment();
    for (unsigned i = 0; i < 200;) {
        if (test::put(a, SL_RING_DATA, 1, "x", 1))
            i++;
        test::show(a);
    }
    /* The first 64 fill the way back, which nobody reads. */
    EXPECT_TRUE(test::eventually(
        [&] { return __atomic_load_n(&a->receive.peer->tail, __ATOMIC_ACQUIRE) == 200 * 64; }));
    echo.signal(SIGINT);
    EXPECT_EQ(echo.exit_status(), 0);
    EXPECT_EQ(echo.line().rfind("sluice-echo: 200 received, 64 echoed, 136 dropped", 0), 0u);
}

TEST_F(Programs, EchoStopsThoughMessagesKeepComing)
{
    for (const char *option : {"--once", "--spin"}) {
        gateway = nullptr; /* the next one keeps its rings until it is gone */
        gateway = std::make_unique<test::Gateway>(path, 1, 64 << 20, 1, false);
        gateway->start_polling();
        Program echo({SLUICE_ECHO, option, "-s", path, "echo"});
        sl_attachment *a = attachment();
        std::atomic<bool> stop{false}, is_ahead{false};
        std::thread flood([&] {
            for (uint64_t put = 0; !stop; test::show(a)) {
                uint64_t end = put + 64;
                while (put < end && test::put(a, SL_RING_DATA, 1, "x", 1))
                    put++;
                if (put < end || put > 4000000) /* by a million messages, where it is faster */
                    is_ahead = true;
            }
        });
        EXPECT_TRUE(test::eventually([&] { return is_ahead.load(); }));
        echo.signal(SIGTERM);
        EXPECT_EQ(echo.exit_status(), 0);
        stop = true;
        flood.join();
    }
}

TEST_F(Programs, RegisterAgainAfterARestart)
{
    Program echo({SLUICE_ECHO, "-s", path, "echo"});
    EXPECT_NE(echo.error_line().find("waiting"), std::string::npos) << "it may be started first";
    start_gateway(1);
    attachment();
    EXPECT_NE(echo.error_line().find("registered"), std::string::npos);
    gateway.reset();
    EXPECT_NE(echo.error_line().find("ended"), std::string::npos);
    start_gateway(1, 65536, 2);
    sl_attachment *a = attachment();
    test::put(a, SL_RING_DATA, 1, "x", 1);
    test::show(a);
    EXPECT_TRUE(collect(a));
    echo.signal(SIGTERM);
    EXPECT_EQ(echo.exit_status(), 0);
}

TEST_F(Programs, EndWithTheGatewayWhenToldTo)
{
    start_gateway(1);
    Program echo({SLUICE_ECHO, "--once", "-s", path, "echo"});
    attachment();
    gateway.reset();
    EXPECT_EQ(echo.exit_status(), 1);
}

TEST_F(Programs, StopWhileTheyWaitForAGateway)
{
    Program cat({SLUICE_CAT, "-s", path, "echo"});
    EXPECT_NE(cat.error_line().find("waiting"), std::string::npos);
    cat.signal(SIGTERM);
    EXPECT_EQ(cat.exit_status(), 0);
}

sl_opened peer_of_test()
{
    sl_opened opened{};
    sl_identity &peer = opened.identity;
    peer.method = SL_IDENTITY_CERTIFICATE;
    peer.cid_len = 8;
    peer.suite = 0xc02b;
    peer.remote_port = 4711;
    peer.local_port = 5684;
    const uint8_t remote[] = {198, 18, 0, 2};
    peer.remote_ip = sl_ip_from_v4(remote);
    peer.local_ip.bytes[0] = 0x20;
    peer.local_ip.bytes[1] = 0x01;
    peer.local_ip.bytes[15] = 1;
    memset(peer.certificate_sha256, 0xab, 32);
    memset(peer.public_key_sha256, 0xcd, 32);
    strcpy(peer.node_id, "node-77");
    strcpy(peer.subject, "CN=a\"b\\c\nd\xc3\xa9");
    strcpy(opened.connection, "up");
    return opened;
}

std::string repeated(const std::string &text, unsigned count)
{
    std::string all;
    while (count-- > 0)
        all += text;
    return all;
}

void tell_everything(sl_attachment *a)
{
    sl_opened peer = peer_of_test();
    sl_ring_moved moved{};
    moved.ip = peer.identity.remote_ip;
    moved.port = 99;
    test::put(a, SL_RING_OPEN, 0x10, &peer, sizeof peer);
    test::put(a, SL_RING_DATA, 0x10, "a\\b\"\n\xff", 6);
    test::put(a, SL_RING_MOVED, 0x10, &moved, sizeof moved);
    test::put(a, SL_RING_REFUSED, 0x10, nullptr, 0, SL_REFUSE_CLOSING);
    test::put(a, SL_RING_CLOSE, 0x10, nullptr, 0, SL_CLOSE_IDLE);
    test::show(a);
}

TEST_F(Programs, CatPrintsJsonLinesForAnyBytes)
{
    start_gateway(1);
    Program cat({SLUICE_CAT, "--json", "--socket", path, "echo"});
    tell_everything(attachment());
    const std::string head = "\",\"session\":\"0000000000000010\",\"time_ns\":12345,";
    EXPECT_EQ(cat.line(), "{\"event\":\"open" + head +
                              "\"peer\":{\"method\":\"certificate\",\"address\":\"198.18.0.2\","
                              "\"port\":4711,\"local_address\":\"2001::1\",\"local_port\":5684,"
                              "\"suite\":49195,\"cid_len\":8,\"certificate_sha256\":\"" +
                              repeated("ab", 32) + "\",\"public_key_sha256\":\"" +
                              repeated("cd", 32) +
                              "\",\"connection\":\"up\",\"node_id\":\"node-77\",\"subject\":\"CN="
                              "a\\u0022b\\u005cc\\u000ad\\u00c3\\u00a9\",\"certificates\":0}}");
    EXPECT_EQ(cat.line(), "{\"event\":\"data" + head + "\"len\":6,\"hex\":\"615c62220aff\"}");
    EXPECT_EQ(cat.line(), "{\"event\":\"moved" + head +
                              "\"address\":\"198.18.0.2\",\"port\":99,\"confirmed\":false}");
    EXPECT_EQ(cat.line(),
              "{\"event\":\"refused" + head + "\"reason\":2,\"text\":\"the session is closing\"}");
    EXPECT_EQ(cat.line(), "{\"event\":\"close" + head +
                              "\"reason\":2,\"text\":\"the session was idle too long\"}");
    cat.signal(SIGTERM);
    EXPECT_EQ(cat.exit_status(), 0);
}

TEST_F(Programs, CatPrintsALineAnEventForPeople)
{
    start_gateway(1);
    Program cat({SLUICE_CAT, "-s", path, "echo"});
    tell_everything(attachment());
    const std::string session = " session=0000000000000010 ";
    EXPECT_EQ(cat.line(),
              "open" + session +
                  "peer=198.18.0.2 port=4711 local=2001::1 local_port=5684 "
                  "suite=0xc02b cid_len=8 method=certificate connection=up public_key_sha256=" +
                  repeated("cd", 32) + " node_id=node-77 subject=CN=a\"b\\x5cc\\x0ad\\xc3\\xa9");
    EXPECT_EQ(cat.line(), "data" + session + "len=6 a\\x5cb\"\\x0a\\xff");
    EXPECT_EQ(cat.line(), "moved" + session + "address=198.18.0.2 port=99 candidate");
    EXPECT_EQ(cat.line(), "refused" + session + "the session is closing");
    EXPECT_EQ(cat.line(), "close" + session + "the session was idle too long");
    cat.signal(SIGINT);
    EXPECT_EQ(cat.exit_status(), 0);
}

} // namespace
