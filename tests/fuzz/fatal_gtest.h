/** For targets that use the tests' own helpers: an EXPECT that fails there ends the run. */
#ifndef FATAL_GTEST_H
#define FATAL_GTEST_H

#include <gtest/gtest.h>

extern "C" int LLVMFuzzerInitialize(int *, char ***)
{
    GTEST_FLAG_SET(throw_on_failure, true);
    return 0;
}

#endif
