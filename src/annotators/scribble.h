// SPDX-License-Identifier: Apache-2.0
// Pictures that look drawn by hand (the reference's gradio_fake_scribble2image.py).
#pragma once

#include "image/image.h"

namespace zc {

// White strokes of about a dozen pixels on black, along the ridges of a soft edge map (white on
// black, one or three channels; so many has the result). Where an edge is much thinner than the 3
// pixels by which it is blurred first, it fades below the threshold of 127 and gives no stroke.
Image fake_scribble(const Image& soft_edges);

}  // namespace zc
