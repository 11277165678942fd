namespace Sluice.Storage.Cache;

/// <summary>A chunk inside a decoded unit: its slot in the format and its first byte in the decoded unit.</summary>
public readonly record struct UnitMember(int Slot, int DecodedOffset);
