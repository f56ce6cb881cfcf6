// SPDX-License-Identifier: Apache-2.0
#include "training/trainer.h"

#include "base/error.h"
#include "training/recipes.h"

namespace zc {

void train(const TrainOptions& options, const TaskContext& task) {
  if (options.data.empty()) throw Error(ErrorKind::bad_request, "--data", "is needed");
  if (options.out.empty()) throw Error(ErrorKind::bad_request, "--out", "is needed");
  check_options(options, "train");
  if (options.what == "vae") return train_vae(options, task);
  if (options.what == "base") return train_base(options, task);
  if (options.what == "control") return train_control(options, task);
  if (options.what == "annotator") return train_annotator(options, task);
  throw Error(ErrorKind::bad_request, "train",
              "unknown `" + options.what + "`; vae, base, control or annotator");
}

}  // namespace zc
