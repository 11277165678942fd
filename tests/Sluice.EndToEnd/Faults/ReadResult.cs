namespace Sluice.EndToEnd.Faults;

/// <summary>How one file read: with the right bytes, or with an error. There is no third.</summary>
internal enum ReadResult
{
    Right,
    Failed,
}
