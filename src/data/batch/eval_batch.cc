#include "data/batch/eval_batch.h"

#include "data/unreadable.h"

namespace fsfm {

std::function<Batch()> make_eval_batch(const EvalBatchOptions& options, int batch_size) {
  return [side = options.transform.size, batch_size] {
    Batch batch;
    batch.size = batch_size;
    batch.side = side;
    batch.images.resize(static_cast<size_t>(batch_size) * 3 * static_cast<size_t>(side) * static_cast<size_t>(side));
    batch.labels.resize(static_cast<size_t>(batch_size));
    return batch;
  };
}

FillSample make_eval_filler(const EvalBatchOptions& options, std::vector<int> label_map) {
  return [options, label_map = std::move(label_map)](const Dataset& dataset, size_t index, Rng&, Batch& batch,
                                                     int slot) {
    const size_t values = 3 * static_cast<size_t>(options.transform.size) * static_cast<size_t>(options.transform.size);
    Image image = read_sample(dataset, index).image;
    if (options.alter) image = options.alter(image, index);
    normalize_to_chw(options.transform.apply(image), options.normalization,
                     std::span(batch.images).subspan(static_cast<size_t>(slot) * values, values));
    const int label = dataset.samples()[index].label;
    batch.labels[static_cast<size_t>(slot)] = label_map.empty() ? label : label_map.at(static_cast<size_t>(label));
  };
}

}  // namespace fsfm
