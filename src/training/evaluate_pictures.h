// SPDX-License-Identifier: Apache-2.0
// Makes the pictures that an evaluation looks at.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/task.h"
#include "image/image.h"
#include "models/tokenizer.h"
#include "pipelines/model_set.h"
#include "pipelines/request.h"
#include "training/evaluate.h"

namespace zc {

// By kind of ControlNet.
using UnitMaps = std::vector<std::pair<std::string, Image>>;

struct PictureWish {
  std::string prompt;
  UnitMaps maps;  // none: no control
  int64_t seed = 0;
  bool guess = false;
};

class PictureMaker {
 public:
  // A base model with ControlNets of these kinds. Throws as paths_of_request and load_models.
  PictureMaker(const EvaluateOptions& options, const std::vector<std::string>& controls,
               const TaskContext& task);

  int size() const { return size_; }  // of the square pictures
  bool toy_world() const { return models_->config().limited_vocabulary; }
  // Whether the model's vocabulary holds every word of it.
  bool knows_words(const std::string& text) const;

  // Throws cancelled.
  Image picture(const PictureWish& wish) const;
  // There and back, without noise: as well as the model could show the image.
  Image through_autoencoder(const Image& image) const;

  // Changes with the options and files on which the pictures depend.
  std::string fingerprint() const;

 private:
  TaskContext task_;  // no more than its token: pictures report no progress of their own
  Tokenizer tokenizer_;
  GenerateRequest request_;
  std::shared_ptr<const ModelSet> models_;
  int size_ = 0;
};

}  // namespace zc
