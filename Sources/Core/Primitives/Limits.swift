/// The named bounds of the program. Each carries its unit in its name, is asserted where it is reached, and is counted
/// where it turns something away. Extensions beside this file hold one topic each.
public enum Limits {}
