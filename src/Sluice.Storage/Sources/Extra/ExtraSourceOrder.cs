namespace Sluice.Storage.Sources.Extra;

/// <summary>When an extra source is asked.</summary>
public enum ExtraSourceOrder
{
    /// <summary>Before the mirrors and the registry.</summary>
    First,

    /// <summary>When these have failed.</summary>
    Last,
}
