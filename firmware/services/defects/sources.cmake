# What only builds with planted failures have; the bindings compile it a second time.
set(KYU_DEFECT_SOURCES
  defects/acts.cpp
  defects/faults.cpp
  defects/planted.cpp
  defects/pool_defects.cpp
  defects/shared_buffer.cpp)
