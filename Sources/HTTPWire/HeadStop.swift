/// Why a head or a body cannot be read to its end.
enum HeadStop: Error {
  case incomplete
  case refused(RequestRefusal)
}
