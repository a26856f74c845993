// Scores to figures (method.md section 5): everything in this folder. Pure functions on spans, no state, thread-safe.
// Labels are 1 = positive (attack) and 0 = negative (bona fide); a score is higher the more positive; a sample is
// called positive when score >= threshold. Functions throw Error when the spans differ in length, a label is neither 0
// nor 1 or a score is not finite; a figure that needs an absent class is NaN.
#pragma once

#include "metrics/bootstrap.h"
#include "metrics/calibration.h"
#include "metrics/decision.h"
#include "metrics/delong.h"
#include "metrics/paper.h"
#include "metrics/roc.h"
#include "metrics/video.h"
