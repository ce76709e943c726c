extern "C" {
#include "sl_preload.h"
}

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string>

namespace
{

const char kHeader[] = "sluice-sessions 1\n";
const char kKey[] = "000102030405060708090a0b0c0d0e0f";

sl_ip Ip6(const char *text)
{
    sl_ip ip;
    EXPECT_EQ(inet_pton(AF_INET6, text, ip.bytes), 1);
    return ip;
}

sl_ip Ip4(const char *text)
{
    uint8_t bytes[4];
    EXPECT_EQ(inet_pton(AF_INET, text, bytes), 1);
    return sl_ip_from_v4(bytes);
}

sl_preload_session Session(sl_aead_alg alg, unsigned cid_len, unsigned peer_cid_len)
{
    sl_preload_session session{};
    session.alg = alg;
    session.cid_len = (uint8_t)cid_len;
    session.peer_cid_len = (uint8_t)peer_cid_len;
    memset(session.cid, 0xc1, cid_len);
    memset(session.peer_cid, 0x9d, peer_cid_len);
    for (unsigned i = 0; i < sl_aead_key_len(alg); i++)
        session.client_key[i] = (uint8_t)(0xf0 + i);
    for (unsigned i = 0; i < sl_aead_iv_len(alg); i++)
        session.client_iv[i] = (uint8_t)(0x1f - i);
    session.tuple.remote_ip = Ip4("198.18.0.2");
    session.tuple.local_ip = Ip4("198.18.0.1");
    session.tuple.remote_port = 20000;
    session.tuple.local_port = 4433;
    return session;
}

class Preload : public ::testing::Test
{
  protected:
    Preload() : path(::testing::TempDir() + "sluice-sessions-" + std::to_string(getpid())) {}
    ~Preload() override
    {
        Close();
        unlink(path.c_str());
    }
    void Close()
    {
        if (reader != nullptr)
            sl_preload_close(reader);
        reader = nullptr;
    }
    bool Open(const std::string &text)
    {
        std::ofstream(path, std::ios::binary) << text;
        return Open();
    }
    bool Open()
    {
        Close();
        reader = sl_preload_open(path.c_str(), error, sizeof error);
        return reader != nullptr;
    }
    int Read(sl_preload_session &out)
    {
        return sl_preload_read(reader, &out, error, sizeof error);
    }
    // The error of a file without its name: "LINE: reason".
    std::string ErrorOf(const std::string &text)
    {
        sl_preload_session session;
        if (Open(text)) {
            int result;
            while ((result = Read(session)) == 1)
                ;
            if (result == 0)
                return "none";
            EXPECT_EQ(result, -EINVAL);
            EXPECT_EQ(Read(session), -EINVAL) << "for good";
        }
        std::string whole = error;
        EXPECT_EQ(whole.compare(0, path.size() + 1, path + ":"), 0) << whole;
        return whole.substr(path.size() + 1);
    }
    static std::string Line(const std::string &from = "", const std::string &to = "")
    {
        std::string text = std::string("cid=00a00003d1c2b3a4 peer_cid=- suite=aes-128-gcm "
                                       "client_key=") +
                           kKey +
                           " client_iv=a0a1a2a3 client=198.18.0.2:20000 server=198.18.0.1:4433\n";
        return text.replace(text.find(from), from.size(), to);
    }
    std::string ErrorOfLine(const std::string &from, const std::string &to)
    {
        return ErrorOf(kHeader + Line() + Line(from, to));
    }
    std::string path;
    char error[512] = "";
    sl_preload_reader *reader = nullptr;
};

} // namespace

TEST_F(Preload, ReadsWhatItHasWritten)
{
    std::vector<sl_preload_session> sessions;
    for (unsigned alg = 0; alg < SL_AEAD_ALG_COUNT; alg++)
        for (unsigned cid_len : {0, 1, 8, SL_PEER_CID_MAX})
            for (unsigned peer_cid_len : {0, 20, SL_PEER_CID_MAX})
                sessions.push_back(Session((sl_aead_alg)alg, cid_len, peer_cid_len));
    sessions.push_back(Session(SL_AEAD_CHACHA20_POLY1305, SL_PEER_CID_MAX, SL_PEER_CID_MAX));
    sessions.back().tuple.remote_ip = Ip6("2001:db8:1111:2222:3333:4444:5555:6666");
    sessions.back().tuple.local_ip = Ip6("2001:db8:1111:2222:3333:4444:5555:7777");
    sessions.back().tuple.remote_port = sessions.back().tuple.local_port = 65535;

    FILE *file = sl_preload_create(path.c_str());
    ASSERT_NE(file, nullptr);
    for (const sl_preload_session &session : sessions)
        ASSERT_EQ(sl_preload_write_session(file, &session), 0);
    ASSERT_EQ(fclose(file), 0);

    ASSERT_TRUE(Open()) << error;
    for (size_t i = 0; i < sessions.size(); i++) {
        sl_preload_session read;
        ASSERT_EQ(Read(read), 1) << error;
        EXPECT_EQ(sl_preload_line(reader), i + 2);
        EXPECT_TRUE(sl_tuple_equal(&read.tuple, &sessions[i].tuple));
        EXPECT_EQ(read.alg, sessions[i].alg);
        EXPECT_EQ(read.cid_len, sessions[i].cid_len);
        EXPECT_EQ(read.peer_cid_len, sessions[i].peer_cid_len);
        EXPECT_EQ(memcmp(read.cid, sessions[i].cid, sizeof read.cid), 0);
        EXPECT_EQ(memcmp(read.peer_cid, sessions[i].peer_cid, sizeof read.peer_cid), 0);
        EXPECT_EQ(memcmp(read.client_key, sessions[i].client_key, sizeof read.client_key), 0);
        EXPECT_EQ(memcmp(read.client_iv, sessions[i].client_iv, sizeof read.client_iv), 0);
    }
    sl_preload_session none;
    EXPECT_EQ(Read(none), 0);
    EXPECT_EQ(Read(none), 0);
    EXPECT_EQ(sl_preload_line(reader), sessions.size() + 1);
}

TEST_F(Preload, WritesForItsOwnerAloneAlsoWhereAFileWasBefore)
{
    for (bool is_there : {false, true}) {
        unlink(path.c_str());
        if (is_there) {
            std::ofstream(path) << "old\n";
            ASSERT_EQ(chmod(path.c_str(), 0644), 0);
        }
        FILE *file = sl_preload_create(path.c_str());
        ASSERT_NE(file, nullptr);
        struct stat status;
        ASSERT_EQ(fstat(fileno(file), &status), 0);
        EXPECT_EQ(status.st_mode & 0777u, 0600u);
        fclose(file);
        EXPECT_TRUE(Open()) << error;
    }
}

TEST_F(Preload, SaysThatItCanNotWrite)
{
    EXPECT_EQ(sl_preload_create((path + "/below").c_str()), nullptr);
    EXPECT_EQ(errno, ENOENT);
    FILE *full = fopen("/dev/full", "w");
    ASSERT_NE(full, nullptr);
    setvbuf(full, nullptr, _IONBF, 0);
    sl_preload_session session = Session(SL_AEAD_AES_128_GCM, 8, 0);
    EXPECT_EQ(sl_preload_write_session(full, &session), -EIO);
    fclose(full);
}

TEST_F(Preload, TakesFieldsInAnyOrder)
{
    ASSERT_TRUE(Open(std::string(kHeader) +
                     "server=[2001:db8::1]:4433 client_iv=a0a1a2a3 client=[2001:db8::2]:1 "
                     "peer_cid=0b client_key=" +
                     kKey + " cid=- suite=aes-128-gcm\n"));
    sl_preload_session read;
    ASSERT_EQ(Read(read), 1) << error;
    EXPECT_EQ(read.cid_len, 0);
    EXPECT_EQ(read.peer_cid_len, 1);
    EXPECT_EQ(read.peer_cid[0], 0x0b);
    EXPECT_EQ(read.tuple.remote_port, 1);
    EXPECT_EQ(read.client_key[15], 15);
    EXPECT_EQ(read.client_iv[0], 0xa0);
}

TEST_F(Preload, RefusesWhatIsNoFileOfSessions)
{
    const std::string no_file =
        "1: the first line is not \"sluice-sessions 1\": no file of sessions";
    EXPECT_EQ(ErrorOf(""), no_file);
    EXPECT_EQ(ErrorOf("sluice-sessions 2\n"), no_file);
    EXPECT_EQ(ErrorOf(Line()), no_file);
    EXPECT_EQ(ErrorOf("sluice-sessions 1"),
              "1: the line is cut short, or too long, or no text: the file is damaged");
    unlink(path.c_str());
    EXPECT_FALSE(Open());
    EXPECT_EQ(std::string(error), path + ":1: it can't be opened: No such file or directory");
    EXPECT_EQ(sl_preload_open("/tmp", error, sizeof error), nullptr);
    EXPECT_STREQ(error, "/tmp:1: it can't be read: Is a directory");
}

TEST_F(Preload, AFileWithoutSessionsIsOneAllTheSame)
{
    EXPECT_EQ(ErrorOf(kHeader), "none");
}

TEST_F(Preload, RefusesALineThatIsDamaged)
{
    const std::string damaged =
        "3: the line is cut short, or too long, or no text: the file is damaged";
    std::string line = Line();
    EXPECT_EQ(ErrorOf(kHeader + Line() + line.substr(0, line.size() - 1)), damaged);
    EXPECT_EQ(ErrorOf(kHeader + Line() + std::string(600, ' ') + "\n"), damaged);
    line[20] = '\0';
    EXPECT_EQ(ErrorOf(kHeader + Line() + line), damaged);
    EXPECT_EQ(ErrorOf(kHeader + Line() + "\n" + Line()), "3: field 1 has no name that is known");
    EXPECT_EQ(ErrorOfLine(" peer", "  peer"), "3: field 2 has no name that is known");
    EXPECT_EQ(ErrorOfLine("\n", " \n"), "3: field 8 has no name that is known");
    EXPECT_EQ(ErrorOfLine("\n", "\r\n"), "3: 'server' has to be ADDRESS:PORT or [ADDRESS]:PORT");
}

TEST_F(Preload, RefusesFieldsThatAreMissingTwiceOrUnknown)
{
    EXPECT_EQ(ErrorOfLine("peer_cid=- ", ""), "3: 'peer_cid' is missing");
    EXPECT_EQ(ErrorOfLine("peer_cid=-", "cid=-"), "3: 'cid' is there twice");
    EXPECT_EQ(ErrorOfLine("peer_cid=-", "server_key=-"), "3: field 2 has no name that is known");
    EXPECT_EQ(ErrorOfLine("peer_cid=-", "-"), "3: field 2 has no name that is known");
    EXPECT_EQ(ErrorOfLine("peer_cid=-", "=-"), "3: field 2 has no name that is known");
}

TEST_F(Preload, RefusesConnectionIdsThatAreNone)
{
    for (std::string cid : {"", "0", "0g", "AB", "--", "0x00", "00a00003d1c2b3a"})
        EXPECT_EQ(ErrorOfLine("00a00003d1c2b3a4", cid),
                  "3: 'cid' has to be 1 to 32 bytes in hexadecimal, or -")
            << cid;
    EXPECT_EQ(ErrorOfLine("peer_cid=-", "peer_cid=" + std::string(66, '1')),
              "3: 'peer_cid' has to be 1 to 32 bytes in hexadecimal, or -");
}

TEST_F(Preload, RefusesKeysThatAreNotTheSuites)
{
    EXPECT_EQ(ErrorOfLine("aes-128-gcm", "aes-128-cbc"),
              "3: 'suite' has to be one of aes-128-gcm, aes-256-gcm, chacha20-poly1305, "
              "aes-128-ccm, aes-256-ccm, aes-128-ccm-8 and aes-256-ccm-8");
    EXPECT_EQ(ErrorOfLine("aes-128-gcm", "aes-256-gcm"),
              "3: 'client_key' has 16 bytes; aes-256-gcm takes 32");
    EXPECT_EQ(ErrorOfLine("a0a1a2a3", "a0a1a2a3a4"),
              "3: 'client_iv' has 5 bytes; aes-128-gcm takes 4");
    EXPECT_EQ(ErrorOfLine("a0a1a2a3", "-"), "3: 'client_iv' has to be an IV in hexadecimal");
    EXPECT_EQ(ErrorOfLine(kKey, ""), "3: 'client_key' has to be a key in hexadecimal");
    EXPECT_EQ(ErrorOfLine(kKey, std::string(66, '1')),
              "3: 'client_key' has to be a key in hexadecimal");
}

TEST_F(Preload, RefusesAddressesThatAreNone)
{
    for (std::string address :
         {"", ":", ":1", "198.18.0.2", "198.18.0.2:", "198.18.0.2:0", "198.18.0.2:65536",
          "198.18.0.2:+1", "198.18.0.2:000001", "198.18.0:1", "[198.18.0.2]:1", "[]:1", "[:1",
          "]:1", "2001:db8::2:1", "[2001:db8::2]1", "[::ffff:198.18.0.2]:1", "host:1"})
        EXPECT_EQ(ErrorOfLine("198.18.0.2:20000", address),
                  "3: 'client' has to be ADDRESS:PORT or [ADDRESS]:PORT")
            << address;
    EXPECT_EQ(ErrorOfLine("198.18.0.2:20000", "[2001:db8::2]:20000"),
              "3: 'client' and 'server' are of different families");
}

TEST_F(Preload, NoErrorHasAKeyInIt)
{
    for (std::string from : {"client_key=", " client_iv", "suite=", "aes", "\n"})
        EXPECT_EQ(ErrorOfLine(from, "").find(kKey), std::string::npos) << from;
}

TEST_F(Preload, AnErrorIsCutToItsRoom)
{
    ASSERT_TRUE(Open(kHeader + Line("cid=", "")));
    sl_preload_session session;
    char small[8] = "xxxxxxx";
    EXPECT_EQ(sl_preload_read(reader, &session, small, sizeof small), -EINVAL);
    EXPECT_EQ(std::string(small), path.substr(0, 7));
}
