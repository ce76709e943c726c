// The pool, the limits, what can't be; and waiting.
#include "sockets_fixture.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include <chrono>
#include <set>

using test::Peer;
using test::Sockets;

TEST(SocketsCreate, RefusesWhatCannotBeWithASentence)
{
    const struct {
        unsigned sources, frames, room;
        const char *word;
    } cases[] = {
        {0, 1, 1, "sockets"}, {(1U << 20) + 1, 1, 1, "sockets"},       {1, 0, 1, "frame"},
        {1, 1, 0, "room"},    {1, 1, SL_SOCKETS_ROOM_MAX + 1, "room"},
    };
    for (const auto &c : cases) {
        Sockets s(c.sources, c.frames, c.room);
        EXPECT_EQ(-EINVAL, sl_sockets_create(&s.config, &s.sockets, s.reason));
        EXPECT_NE(nullptr, strstr(s.reason, c.word)) << s.reason;
    }
    Sockets s;
    s.config.send_buffer_len = 1U << 31;
    EXPECT_EQ(-EINVAL, sl_sockets_create(&s.config, &s.sockets, s.reason));
    EXPECT_NE(nullptr, strstr(s.reason, "buffer")) << s.reason;
}

TEST(SocketsCreate, FramesAreDistinctAlignedAndHaveRoomBeforeAndBehind)
{
    Sockets s(1, 10, 1000);
    s.create();
    sl_frame *frames[12];
    ASSERT_EQ(10U, sl_sockets_take(s.sockets, frames, 12));
    EXPECT_EQ(0U, sl_sockets_take(s.sockets, frames + 10, 2));
    std::set<uint8_t *> starts;
    for (unsigned i = 0; i < 10; i++) {
        EXPECT_EQ(0U, (uintptr_t)frames[i]->data % SL_CACHE_LINE);
        EXPECT_EQ(SL_SOCKETS_HEADROOM, frames[i]->headroom);
        EXPECT_EQ(1000, frames[i]->tailroom);
        EXPECT_EQ(0, frames[i]->len);
        memset(frames[i]->data - SL_SOCKETS_HEADROOM, (int)i, SL_SOCKETS_HEADROOM + 1000);
        starts.insert(frames[i]->data);
    }
    EXPECT_EQ(10U, starts.size());
    for (unsigned i = 0; i < 10; i++) // nobody wrote over another
        EXPECT_EQ((uint8_t)i, frames[i]->data[999]);
    sl_sockets_free(s.sockets, frames, 10);
    EXPECT_TRUE(s.is_pool_whole());
}

TEST(SocketsCreate, AFrameThatComesBackIsAsNew)
{
    Sockets s(1, 1, 100);
    s.create();
    sl_frame *frame;
    ASSERT_EQ(1U, sl_sockets_take(s.sockets, &frame, 1));
    frame->data += 13;
    frame->headroom = 0;
    frame->flags = frame->len = frame->vlan_tci = 7;
    sl_sockets_free(s.sockets, &frame, 1);
    ASSERT_EQ(1U, sl_sockets_take(s.sockets, &frame, 1));
    EXPECT_EQ(SL_SOCKETS_HEADROOM, frame->headroom);
    EXPECT_EQ(100, frame->tailroom);
    EXPECT_EQ(0, frame->flags | frame->len | frame->vlan_tci);
    sl_sockets_free(s.sockets, &frame, 1);
}

TEST(SocketsCreate, CountersHaveNamesAndTexts)
{
    EXPECT_STREQ("REFUSED", sl_socket_counter_name(SL_SOCKET_REFUSED));
    for (unsigned i = 0; i < SL_SOCKET_COUNTER_COUNT; i++)
        EXPECT_LT(8U, strlen(sl_socket_counter_text((sl_socket_counter)i)));
}

TEST(SocketsWait, EndsWhenSomethingComesOrTheTimeIsOver)
{
    Sockets s;
    Peer peer;
    s.create();
    s.open(0, peer.tuple());
    auto begin = std::chrono::steady_clock::now();
    EXPECT_FALSE(sl_sockets_wait(s.sockets, 3000000));
    EXPECT_LE(std::chrono::milliseconds(3), std::chrono::steady_clock::now() - begin);
    EXPECT_FALSE(sl_sockets_wait(s.sockets, 0));
    peer.send("wake up", s.port(0));
    EXPECT_TRUE(sl_sockets_wait(s.sockets, 10000000000));
    EXPECT_EQ(1U, s.receive(1).size());
    sl_frame *frame;
    EXPECT_EQ(0U, sl_sockets_receive(s.sockets, &frame, 1)); // the last turn finds nothing
    EXPECT_FALSE(sl_sockets_wait(s.sockets, 0));
}

namespace
{

/** In a process of its own: limits can't be put back. return its exit status. */
int in_child(int (*body)())
{
    pid_t child = fork();
    if (child == 0)
        _exit(body());
    int status = -1;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

} // namespace

TEST(SocketsLimit, IsRaisedAsFarAsNeeded)
{
    EXPECT_EQ(0, in_child([] {
                  rlimit limit;
                  char reason[256];
                  getrlimit(RLIMIT_NOFILE, &limit);
                  limit.rlim_cur = 100;
                  if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
                      return 1;
                  if (sl_sockets_raise_limit(36, reason) != 0) // 100 in all
                      return 2;
                  getrlimit(RLIMIT_NOFILE, &limit);
                  if (limit.rlim_cur != 100)
                      return 3;
                  if (sl_sockets_raise_limit(200, reason) != 0)
                      return 4;
                  getrlimit(RLIMIT_NOFILE, &limit);
                  return limit.rlim_cur == 200 + SL_SOCKETS_OTHER_DESCRIPTORS ? 0 : 5;
              }));
}

TEST(SocketsLimit, ThatCannotBeRaisedSaysWhatToDo)
{
    EXPECT_EQ(0, in_child([] {
                  rlimit limit{100, 100};
                  char reason[256];
                  if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
                      return 1;
                  if (getuid() == 0 && setresuid(65534, 65534, 65534) != 0)
                      return 2;
                  if (sl_sockets_raise_limit(200, reason) != -EMFILE)
                      return 3;
                  if (strstr(reason, "ulimit") == nullptr || strstr(reason, "264") == nullptr)
                      return 4;
                  if (sl_sockets_raise_limit(UINT32_MAX, reason) != -EMFILE)
                      return 5;
                  return strstr(reason, "nr_open") != nullptr ? 0 : 6;
              }));
}
