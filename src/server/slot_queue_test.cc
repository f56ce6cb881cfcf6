// SPDX-License-Identifier: Apache-2.0
#include "server/slot_queue.h"

#include <gtest/gtest.h>

#include <future>
#include <stdexcept>
#include <string>

#include "base/error.h"
#include "server/problem.h"

namespace zc {
namespace {

std::string code_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& thrown) {
    return problem_from(thrown).code;
  }
}

// Work of which the test knows when it has begun and decides when it ends.
struct HeldWork {
  std::promise<void> begun, end;
  std::promise<std::string> answer;

  SlotQueue::Work work() {
    return [this](const SlotQueue::Ticket& ticket) {
      begun.set_value();
      end.get_future().wait();
      if (ticket.finish()) answer.set_value("done");
    };
  }
  SlotQueue::Failed failed() {
    return [this](const std::exception_ptr& error) { answer.set_value(code_of(error)); };
  }
};

TEST(SlotQueue, DoesTheWork) {
  SlotQueue queue(1, 10);
  HeldWork a;
  queue.post("", a.work(), a.failed());
  a.end.set_value();
  EXPECT_EQ(a.answer.get_future().get(), "done");
}

TEST(SlotQueue, TheNewestOfASlotWins) {
  SlotQueue queue(1, 10);
  HeldWork running, waiting, newest;
  queue.post("slot", running.work(), running.failed());
  running.begun.get_future().wait();
  queue.post("slot", waiting.work(), waiting.failed());
  EXPECT_EQ(running.answer.get_future().get(), "superseded");  // at once, though it still works
  queue.post("slot", newest.work(), newest.failed());
  EXPECT_EQ(waiting.answer.get_future().get(), "superseded");
  newest.end.set_value();
  running.end.set_value();
  EXPECT_EQ(newest.answer.get_future().get(), "done");
}

TEST(SlotQueue, OtherSlotsAndWorkWithoutOneAreLeftAlone) {
  SlotQueue queue(1, 10);
  HeldWork first, other, none, none_too;
  queue.post("a", first.work(), first.failed());
  first.begun.get_future().wait();
  queue.post("b", other.work(), other.failed());
  queue.post("", none.work(), none.failed());
  queue.post("", none_too.work(), none_too.failed());
  for (HeldWork* each : {&first, &other, &none, &none_too}) each->end.set_value();
  for (HeldWork* each : {&first, &other, &none, &none_too})
    EXPECT_EQ(each->answer.get_future().get(), "done");
}

TEST(SlotQueue, WhatTheWorkThrowsIsTheAnswer) {
  SlotQueue queue(1, 10);
  std::promise<std::string> answer;
  queue.post(
      "", [](const SlotQueue::Ticket&) { throw Error(ErrorKind::bad_file, "asset", "is none"); },
      [&](const std::exception_ptr& error) { answer.set_value(code_of(error)); });
  EXPECT_EQ(answer.get_future().get(), "bad_file");
}

TEST(SlotQueue, RefusesWhatWouldWaitTooLong) {
  SlotQueue queue(1, 1);
  HeldWork running, waiting, refused;
  queue.post("", running.work(), running.failed());
  running.begun.get_future().wait();
  queue.post("", waiting.work(), waiting.failed());
  EXPECT_THROW(queue.post("", refused.work(), refused.failed()), Error);
  running.end.set_value();
  waiting.end.set_value();
  EXPECT_EQ(waiting.answer.get_future().get(), "done");
}

TEST(SlotQueue, TellsThoseThatWaitWhenItEnds) {
  HeldWork running, waiting;
  waiting.end.set_value();
  std::thread ender;
  {
    SlotQueue queue(1, 10);
    queue.post("", running.work(), running.failed());
    running.begun.get_future().wait();
    queue.post("", waiting.work(), waiting.failed());
    ender = std::thread([&] { running.end.set_value(); });
  }
  ender.join();
  EXPECT_EQ(running.answer.get_future().get(), "done");
  // The thread may have come to it before the end did.
  const std::string answer = waiting.answer.get_future().get();
  EXPECT_TRUE(answer == "unavailable" || answer == "done") << answer;
}

}  // namespace
}  // namespace zc
