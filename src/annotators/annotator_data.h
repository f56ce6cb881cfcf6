// SPDX-License-Identifier: Apache-2.0
// The kinds of condition maps that are drawings of data: people as points, classes as numbers.
#pragma once

#include "annotators/annotator.h"

namespace zc {

AnnotatorInfo openpose_annotator();
AnnotatorInfo dwpose_annotator();
AnnotatorInfo toy_openpose_annotator();

AnnotatorInfo seg_annotator();
AnnotatorInfo toy_seg_annotator();
// Classes that are known already: a picture of their numbers.
AnnotatorInfo seg_labels_annotator();

}  // namespace zc
