#pragma once
// What one of several instances keeps in Redis, under a lease and in fenced changes (scripts/lib.lua). One thread; borrows the Redis. Errors
// of all calls: unavailable (repeat), fenced (another instance has it, or Redis came back older: take it over anew), fatal.
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "workers/runtime/cell.hpp"
#include "workers/runtime/redis.hpp"

namespace oppen::runtime {

// Unique among all instances that ever ran.
std::string new_token();

// All fields of a hash.
Result<std::map<std::string, std::string>> fields_of(Redis& redis, const std::string& key);

class LeasedStore {
 public:
  // `prefix`: what the keys begin with, a hash tag among it.
  LeasedStore(Redis& redis, std::string prefix, std::string token, std::chrono::milliseconds ttl);

  // Takes or renews the lease; false: another holds it. The first time it also learns the version to go on from.
  Result<bool> hold();
  void release();  // best effort

  // All or nothing.
  Status commit(const std::vector<Cell>& cells);
  // Takes out whole hashes that nobody reads or writes any more: at once, whoever holds the lease.
  Status drop(const std::vector<std::string>& hashes);
  // All fields of one of the hashes.
  Result<std::map<std::string, std::string>> all(const std::string& hash);

 private:
  Redis& redis_;
  std::string prefix_;
  std::string token_;
  std::chrono::milliseconds ttl_;
  std::string version_;
};

}  // namespace oppen::runtime
