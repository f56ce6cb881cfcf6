// SPDX-License-Identifier: Apache-2.0
// Pictures that look drawn by hand (the reference's gradio_fake_scribble2image.py).
#pragma once

#include "image/image.h"

namespace zc {

// White strokes of about a dozen pixels on black, along the ridges of a soft edge map (white on
// black, one or three channels; so many has the result). Where an edge is much thinner than the 3
// pixels by which it is blurred first, it fades below the threshold of 127 and gives no stroke.
Image fake_scribble(const Image& soft_edges);

// A drawing, dark strokes on light paper: white where its darkest channel is below 127, else black,
// one channel.
Image scribble(const Image& drawing);

// Strokes drawn with the mouse: white where the first channel of the mask is above 127, else black,
// one channel. The app scales the mask to resize_image's size first.
Image scribble_interactive(const Image& mask);

}  // namespace zc
