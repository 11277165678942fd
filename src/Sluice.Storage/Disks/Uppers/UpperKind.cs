namespace Sluice.Storage.Disks.Uppers;

/// <summary>How a writable layer keeps its data.</summary>
public enum UpperKind
{
    /// <summary><see cref="AppendUpper"/>: in the order of writing.</summary>
    Append,

    /// <summary><see cref="SparseUpper"/>: in place.</summary>
    Sparse,
}
