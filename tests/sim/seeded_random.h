/** libcrypto's random numbers from a seed, so that a simulation is the same in every run. */
#ifndef SL_SIM_SEEDED_RANDOM_H
#define SL_SIM_SEEDED_RANDOM_H

#include <cstdint>

namespace sl_sim
{

/** From now on everything that libcrypto draws follows from the seed. */
void seed_libcrypto(uint64_t seed);

} // namespace sl_sim

#endif
