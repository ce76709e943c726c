/** What the files of the simulated gateway share. */
#ifndef SL_SIM_GATEWAY_NODE_H
#define SL_SIM_GATEWAY_NODE_H

#include "gateway.h"

namespace sl_sim
{

/** A worker and what belongs to it. Its frames know their pool, whoever ends them. */
struct Gateway::Node {
    Gateway *gateway;
    unsigned index;
    sluice::FramePool pool;
    std::unique_ptr<uint8_t, void (*)(void *)> region{nullptr, free};
    std::vector<sl_ring *> to_handshaker, from_handshaker;
    sl_ring *to_control, *from_control;
    sl_worker *worker = nullptr;
    std::vector<sl_frame *> inbox; /* handed over by other workers */
};

} // namespace sl_sim

#endif
