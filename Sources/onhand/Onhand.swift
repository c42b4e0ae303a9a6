import Gateway

@main
struct Onhand {
  static func main() async {
    await OnhandCommand.main()
  }
}
