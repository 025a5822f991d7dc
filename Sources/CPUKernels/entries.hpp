// Turns kernels into entries of a table: each is called by a template that unpacks its arguments by its own signature.
#pragma once
#include <cstddef>
#include <utility>
#include "CPUKernels.h"

extern thread_local int devicenn_group[3];
extern thread_local size_t devicenn_groups[3];

template <class T> constexpr char kind = 'p';
template <> inline constexpr char kind<int> = 'i';
template <> inline constexpr char kind<float> = 'f';

template <auto kernel> struct Entry;
template <class... A, void (*kernel)(A...)> struct Entry<kernel> {
  static constexpr char kinds[] = {kind<A>..., '\0'};
  static constexpr int arity = sizeof...(A);
  static_assert(arity <= CPU_MAX_ARGUMENTS);

  static void call(const uint64_t *arguments) { call(arguments, std::index_sequence_for<A...>{}); }

private:
  template <size_t... i> static void call(const uint64_t *arguments, std::index_sequence<i...>) {
    kernel(value<std::remove_cv_t<A>>(arguments + i)...);
  }
  template <class T> static T value(const uint64_t *argument) {
    T value;
    __builtin_memcpy(&value, argument, sizeof value);
    return value;
  }
};
#define ENTRY(name) {#name, Entry<name>::arity, Entry<name>::kinds, Entry<name>::call},
