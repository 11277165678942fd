namespace Sluice.Storage.Fetching;

/// <summary>How many second requests are still allowed: a share of the first ones, saved up to a few. Guarded by the fetcher's lock.</summary>
/// <param name="share">Second requests for each first one; 0: none at all.</param>
internal sealed class HedgeAllowance(double share)
{
    private const double Most = 8;

    private double _saved = share > 0 ? Most / 2 : 0;

    public bool IsUsedUp => _saved < 1;

    public void OnRequest() => _saved = Math.Min(Most, _saved + share);

    public void Take() => _saved--;
}
